# One system under test, built without nixpkgs: every tool in it is the static busybox in `busybox`.
# Its closure is toplevel → app, unit, configuration → busybox, and its toplevel keeps NixOS's contract.
{
  busybox,
  system,
}:
{
  name,
  version,
  port,
  # What is wrong with it; see systems.ts. Null: nothing.
  fault ? null,
  # Whether it passes for NixOS: it then has a `nixos-version` file.
  nixos ? false,
  # A file of so many MiB that makes the closure heavy.
  ballastMiB ? 0,
}:
let
  make =
    what: environment: script:
    derivation (
      {
        name = what;
        inherit system busybox;
        builder = "${busybox}/bin/busybox";
        args = [
          "sh"
          "-euc"
          "PATH=$busybox/bin; ${script}"
        ];
      }
      // environment
    );

  app =
    make "skep-app-${version}"
      {
        inherit version;
        answer = if fault == "unhealthy" then ./unhealthy.cgi else null;
      }
      (
        if fault == "build-error" then
          ''
            for line in $(busybox seq 1 30); do echo "compiling module $line"; done
            echo "error: module 30 does not compile" >&2
            exit 1
          ''
        else if fault == "unhealthy" then
          ''
            busybox mkdir -p $out/www/cgi-bin
            busybox sed "s|@busybox@|$busybox|" $answer > $out/www/cgi-bin/index.cgi
            busybox chmod 555 $out/www/cgi-bin/index.cgi
          ''
        else
          ''
            busybox mkdir -p $out/www
            echo "$version" > $out/www/index.html
          ''
      );

  serve = "${busybox}/bin/busybox httpd -f -p ${toString port} -h ${app}/www";
  command =
    if fault == "exit-4" then
      "ExecStartPre=${busybox}/bin/busybox false\nExecStart=${serve}"
    else if fault == "unit-fails" then
      "ExecStart=${busybox}/bin/busybox sh -c '${busybox}/bin/busybox sleep 0.3; exit 1'"
    else
      "ExecStart=${serve}";

  unit = make "unit-skep-app.service" {
    text = ''
      [Unit]
      Description=The service under test, ${version}

      [Service]
      ${command}
      TimeoutStopSec=5s
    '';
  } ''busybox mkdir $out; echo "$text" > $out/skep-app.service'';

  configuration = make "configuration-${name}" { inherit version; host = name; } ''
    busybox mkdir $out
    echo "$host runs $version" > $out/motd
  '';

  ballast = make "ballast-${version}" { inherit version; mebibytes = toString ballastMiB; } ''
    busybox yes "$version" | busybox head -c $((mebibytes * 1048576)) > $out
  '';

  toplevel =
    make "${if nixos then "nixos-system" else "skep-test-system"}-${name}-${version}"
      {
        inherit app unit configuration;
        activate = ./switch-to-configuration.sh;
        fault = toString fault;
        nixosVersion = if nixos then version else "";
        ballast = if ballastMiB == 0 then "" else ballast;
      }
      ''
        busybox mkdir -p $out/bin $out/etc
        busybox ln -s $app $out/app
        busybox ln -s $unit $out/units
        busybox ln -s $configuration/motd $out/etc/motd
        if [ -n "$ballast" ]; then busybox ln -s $ballast $out/ballast; fi
        if [ -n "$nixosVersion" ]; then echo -n "$nixosVersion" > $out/nixos-version; fi
        busybox sed -e "s|@busybox@|$busybox|g" -e "s|@out@|$out|g" -e "s|@fault@|$fault|g" \
          $activate > $out/bin/switch-to-configuration
        busybox chmod 555 $out/bin/switch-to-configuration
      '';
in
if fault == "eval-error" then
  throw "the configuration of ${name} is wrong on purpose"
else if fault == "eval-type-error" then
  1 + name
else
  toplevel
