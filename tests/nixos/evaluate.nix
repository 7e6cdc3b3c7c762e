# What the tests read of the system that consists of `module`.
{
  module,
  packages ? "/usr",
  runtimeShell ? "/bin/bash",
  lib ? import ./lib.nix,
}:
let
  inherit (import ./nixos.nix {
    inherit lib packages runtimeShell;
    modules = [ module ];
  }) config;
  problems = map (assertion: assertion.message) (
    builtins.filter (assertion: !assertion.assertion) config.assertions
  );
in
# As in NixOS, a system with problems has nothing else to tell.
if problems != [ ] then
  { inherit problems; }
else
  {
    inherit problems;
    # As text, because JSON would copy every path into the store.
    age = config.age // {
      identityPaths = map toString config.age.identityPaths;
      secrets = builtins.mapAttrs (_: secret: secret // { file = toString secret.file; }) config.age.secrets;
    };
    inherit (config.environment) systemPackages;
    inherit (config.systemd) services;
    activationScripts = builtins.mapAttrs (
      _: script:
      if builtins.isString script then
        {
          text = script;
          deps = [ ];
          supportsDryActivation = false;
        }
      else
        script
    ) config.system.activationScripts;
  }
