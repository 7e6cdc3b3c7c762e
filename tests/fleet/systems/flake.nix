{
  description = "Systems under test, where NixOS configurations are found";

  outputs =
    { self }:
    {
      nixosConfigurations = builtins.mapAttrs (_: toplevel: {
        config.system.build = { inherit toplevel; };
      }) (import ./default.nix).hosts;
    };
}
