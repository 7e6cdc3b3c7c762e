# A NixOS that consists of the options which nix/module.nix sets or reads, with the types they have there.
{
  lib,
  # `nixpkgs/lib` and this folder's lib.nix do alike.
  evalModules ? lib.evalModules,
  # What stands in for each package: a folder with `bin`.
  packages,
  runtimeShell,
  modules,
}:
let
  inherit (lib) mkOption types;
  list = mkOption {
    type = types.listOf types.str;
    default = [ ];
  };
  text = default: mkOption {
    type = types.str;
    inherit default;
  };
  flag = default: mkOption {
    type = types.bool;
    inherit default;
  };
  sets = mkOption {
    type = types.attrsOf types.unspecified;
    default = { };
  };

  nixos =
    { config, ... }:
    {
      options = {
        assertions = mkOption {
          type = types.listOf types.unspecified;
          default = [ ];
        };
        environment.systemPackages = mkOption {
          type = types.listOf types.unspecified;
          default = [ ];
        };
        services.openssh.enable = flag true;
        services.openssh.hostKeys = mkOption {
          type = types.listOf types.unspecified;
          default = [
            {
              type = "ecdsa";
              path = "/etc/ssh/ssh_host_ecdsa_key";
            }
            {
              type = "ed25519";
              path = "/etc/ssh/ssh_host_ed25519_key";
            }
          ];
        };
        services.userborn.enable = flag false;
        systemd.sysusers.enable = flag false;
        systemd.services = mkOption {
          type = types.attrsOf (types.submodule { options = service; });
          default = { };
        };
        system.activationScripts = mkOption {
          type = types.attrsOf (types.either types.str (types.submodule { options = script; }));
          default = { };
        };
        users.users = mkOption {
          type = types.attrsOf (types.submodule { options.group = text "users"; });
          default = { };
        };
      };
      config.system.activationScripts =
        let
          usersByScript = !config.systemd.sysusers.enable && !config.services.userborn.enable;
        in
        {
          specialfs = "";
          users =
            if usersByScript then
              {
                text = "make_users";
                deps = [ "groups" ];
              }
            else
              "";
          groups = if usersByScript then { text = "make_groups"; } else "";
        };
    };
  service = {
    description = text "";
    after = list;
    before = list;
    conflicts = list;
    requiredBy = list;
    wantedBy = list;
    path = mkOption {
      type = types.listOf types.unspecified;
      default = [ ];
    };
    restartIfChanged = flag true;
    unitConfig = sets;
    serviceConfig = sets;
  };
  script = {
    text = text "";
    deps = list;
    supportsDryActivation = flag false;
  };

  pkgs = {
    inherit runtimeShell;
    age = packages;
    coreutils = packages;
    diffutils = packages;
    findutils = packages;
    gnugrep = packages;
    gnused = packages;
    systemd = packages;
    util-linux = packages;
    # The real one makes the file executable, which takes a build.
    writeShellScript = name: content: "${runtimeShell} ${builtins.toFile name content}";
  };
in
evalModules {
  specialArgs = { inherit pkgs; };
  modules = [
    nixos
    ../../nix/module.nix
  ]
  ++ modules;
}
