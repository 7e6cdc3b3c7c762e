# What `skep deploy` needs of a NixOS host to have its secrets again after a reboot. The keeper is a script that skep puts
# there with each installation, beside the ciphertexts; a host that was never given a secret has none, and nothing runs.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  keeper = "/var/lib/skep/secrets/keeper";
  run = verb: "${pkgs.runtimeShell} ${keeper} ${verb}";

  path = [
    pkgs.age
    pkgs.coreutils
    pkgs.diffutils
    pkgs.findutils
    pkgs.gnugrep
    pkgs.gnused
    pkgs.util-linux
  ];

  # Whether users are made by a unit instead of by an activation script. Old releases lack the options.
  usersByUnit = (config.systemd.sysusers.enable or false) || (config.services.userborn.enable or false);
  usersUnits = [
    "systemd-sysusers.service"
    "userborn.service"
  ];

  early = {
    inherit path;
    unitConfig.DefaultDependencies = false;
    conflicts = [ "shutdown.target" ];
    serviceConfig.Type = "oneshot";
  };
in
{
  options.skep.secrets.enable = lib.mkOption {
    type = lib.types.bool;
    default = true;
    description = "Whether to open the secrets that skep deployed to this host again at every boot.";
  };

  config = lib.mkIf config.skep.secrets.enable {
    # A deployment opens secrets with the `age` that it finds on the host.
    environment.systemPackages = [ pkgs.age ];

    systemd.services.skep-secrets = lib.mkMerge [
      early
      {
        description = "Open the secrets of this system";
        wantedBy = [ "sysinit.target" ];
        after = [ "local-fs.target" ] ++ usersUnits;
        before = [
          "skep-boot.service"
          "sysinit.target"
          "shutdown.target"
        ];
        # A switch starts what a running target newly wants, and then the profile is still the old system's: where secrets
        # are open already, they are the agent's to change.
        unitConfig.ConditionPathExists = [
          keeper
          "!/run/skep/secrets"
        ];
        unitConfig.RequiresMountsFor = keeper;
        restartIfChanged = false;
        serviceConfig = {
          RemainAfterExit = true;
          ExecStart = run "boot";
        };
      }
    ];

    # The agent installs secrets before the switch that makes their owners.
    system.activationScripts.skepSecretsOwners = lib.mkIf (!usersByUnit) {
      deps = [
        "users"
        "groups"
      ];
      text = ''
        if [ -e ${keeper} ]; then
          PATH=${lib.makeBinPath path}:$PATH ${run "own"}
        fi
      '';
    };
    # Without RemainAfterExit, so that every switch runs it.
    systemd.services.skep-secrets-owners = lib.mkIf usersByUnit (
      lib.mkMerge [
        early
        {
          description = "Give the secrets of this system to their owners";
          requiredBy = [ "sysinit-reactivation.target" ];
          after = usersUnits;
          before = [
            "sysinit-reactivation.target"
            "shutdown.target"
          ];
          unitConfig.ConditionPathExists = keeper;
          serviceConfig.ExecStart = run "own";
        }
      ]
    );
  };
}
