# `age.*` with the option names, the paths and the names of scripts and unit of agenix, so that a configuration moves by
# changing one import. What is done on the host is in ./age.sh; here is what the options mean and when it runs.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.age;
  secrets = lib.attrValues cfg.secrets;
  quote = lib.escapeShellArg;

  # Whether users are made by a unit instead of by an activation script. Old releases lack the options.
  usersByUnit = (config.systemd.sysusers.enable or false) || (config.services.userborn.enable or false);

  secretType = types.submodule (
    { name, config, ... }:
    {
      options = {
        name = mkOption {
          type = types.str;
          default = name;
          description = "Name of the file below {option}`age.secretsDir`.";
        };
        file = mkOption {
          type = types.path;
          description = "The encrypted file.";
        };
        path = mkOption {
          type = types.str;
          default = "${toString cfg.secretsDir}/${config.name}";
          defaultText = lib.literalExpression ''"''${config.age.secretsDir}/''${name}"'';
          description = "Where programs find the secret.";
        };
        mode = mkOption {
          type = types.str;
          default = "0400";
          description = "Permissions, as `chmod` understands them.";
        };
        owner = mkOption {
          type = types.str;
          default = "0";
          description = "The user that the secret belongs to.";
        };
        group = mkOption {
          type = types.str;
          default = users.${config.owner}.group or "0";
          defaultText = lib.literalExpression ''config.users.users.''${owner}.group or "0"'';
          description = "The group that the secret belongs to.";
        };
        symlink = mkOption {
          type = types.bool;
          default = true;
          description = ''
            Whether {option}`path` is a link to the secret in memory. Otherwise it is a copy, which lies on disk when
            {option}`path` does, and stays there when the secret is taken away.
          '';
        };
        restartUnits = unitsOption "restarted";
        reloadUnits = unitsOption "reloaded";
      };
    }
  );
  users = config.users.users;
  unitsOption =
    verb:
    mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "nginx.service" ];
      description = "Units that are ${verb} by a switch in which the content, owner, group or mode of the secret changed.";
    };

  script = pkgs.writeShellScript "age-secrets" ''
    PATH=${lib.makeBinPath tools}''${PATH:+:$PATH}
    export PATH
    mount_point=${quote cfg.secretsMountPoint}
    link=${quote (toString cfg.secretsDir)}
    run_age() { ${cfg.ageBin} "$@"; }
    with_identities() { "$@" ${quoteAll (map toString cfg.identityPaths)}; }
    each_secret() {
    ${lib.concatMapStringsSep "\n" (secret: ''  "$@" ${quoteAll (words secret)}'') secrets}
    }
    ${builtins.readFile ./age.sh}
  '';
  tools = [
    pkgs.coreutils
    pkgs.diffutils
    pkgs.findutils
    pkgs.gnugrep
    pkgs.systemd
    pkgs.util-linux
  ];
  quoteAll = lib.concatMapStringsSep " " quote;
  words =
    secret:
    [
      secret.name
      # Interpolated, so that a path of the configuration is copied into the store; an identity's never is.
      "${secret.file}"
      secret.path
      secret.mode
      secret.owner
      secret.group
      (if secret.symlink then "link" else "copy")
    ]
    ++ map (unit: "restart:${unit}") secret.restartUnits
    ++ map (unit: "reload:${unit}") secret.reloadUnits;

  claim = assertion: message: { inherit assertion message; };
  isAbsolutePath = path: builtins.match "/.*[^/]" path != null;
  isRelativeName = name: builtins.match "[^/]+(/[^/]+)*" name != null && builtins.match "(.*/)?\\.\\.?(/.*)?" name == null;
  claimsOf =
    attribute: secret:
    let
      of = "age.secrets.${lib.strings.escapeNixString attribute}";
      namesakes = lib.filter (other: other.name == secret.name || lib.hasPrefix "${secret.name}/" other.name) secrets;
    in
    [
      # A string may name a file that exists only on the host, or once something is built.
      (claim (!builtins.isPath secret.file || builtins.pathExists secret.file)
        "${of}.file: ${toString secret.file} does not exist; a flake sees only files that git knows."
      )
      (claim (isRelativeName secret.name) "${of}.name: \"${secret.name}\" is not a relative path.")
      (claim (lib.length namesakes == 1) "${of}.name: \"${secret.name}\" is the name or the folder of another secret, too.")
      (claim (isAbsolutePath secret.path) "${of}.path: \"${secret.path}\" is not the absolute path of a file.")
    ];
in
{
  imports = [ (lib.mkRenamedOptionModule [ "age" "sshKeyPaths" ] [ "age" "identityPaths" ]) ];

  options.age = {
    ageBin = mkOption {
      type = types.str;
      default = "${pkgs.age}/bin/age";
      defaultText = lib.literalExpression ''"''${pkgs.age}/bin/age"'';
      description = "The command that opens secrets: a shell word, or several, such as `PATH=… age` for a plugin.";
    };
    secrets = mkOption {
      type = types.attrsOf secretType;
      default = { };
      description = "The secrets of this system.";
    };
    secretsDir = mkOption {
      type = types.path;
      default = "/run/agenix";
      description = "The link to the folder with the secrets.";
    };
    secretsMountPoint = mkOption {
      type = types.addCheck types.str isAbsolutePath // {
        description = "absolute path without a slash at its end";
      };
      default = "/run/agenix.d";
      description = "Where the memory file system with the last two generations of the secrets is mounted.";
    };
    identityPaths = mkOption {
      type = types.listOf types.path;
      default = lib.optionals (config.services.openssh.enable or false) (
        map (key: key.path) (
          lib.filter (key: key.type == "rsa" || key.type == "ed25519") config.services.openssh.hostKeys
        )
      );
      defaultText = lib.literalExpression "the RSA and Ed25519 keys of config.services.openssh.hostKeys";
      description = "Private keys on the host that open the secrets. Those that are not there are passed over.";
    };
  };

  config = lib.mkIf (cfg.secrets != { }) {
    assertions = [
      (claim (cfg.identityPaths != [ ])
        "age.identityPaths is empty: enable services.openssh or name the keys that open the secrets."
      )
    ]
    ++ lib.concatLists (lib.mapAttrsToList claimsOf cfg.secrets);

    system.activationScripts = lib.mkIf (!usersByUnit) {
      # Configurations order their own scripts after these names of agenix's.
      agenixNewGeneration = {
        text = "";
        deps = [ "specialfs" ];
      };
      agenixInstall = {
        text = "${script} open";
        deps = [ "agenixNewGeneration" ];
        supportsDryActivation = true;
      };
      # So that a user's password can be a secret.
      users.deps = [ "agenixInstall" ];
      agenixChown = {
        text = "${script} own";
        deps = [
          "users"
          "groups"
        ];
      };
      agenix = {
        text = "";
        deps = [ "agenixChown" ];
      };
    };

    systemd.services.agenix-install-secrets = lib.mkIf usersByUnit {
      description = "Open the secrets of this system";
      wantedBy = [ "sysinit.target" ];
      requiredBy = [ "sysinit-reactivation.target" ];
      after = [
        "systemd-sysusers.service"
        "userborn.service"
      ];
      before = [
        "sysinit.target"
        "sysinit-reactivation.target"
        "shutdown.target"
      ];
      conflicts = [ "shutdown.target" ];
      unitConfig = {
        DefaultDependencies = false;
        RequiresMountsFor = map toString cfg.identityPaths;
      };
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = [
          "${script} open"
          "${script} own --systemctl"
        ];
      };
    };
  };
}
