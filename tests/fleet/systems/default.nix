# The hosts of hosts.json as `hosts.<name>`, each its toplevel.
let
  inventory = builtins.fromJSON (builtins.readFile ./hosts.json);
  toplevel = import ./toplevel.nix {
    inherit (inventory) system;
    busybox = builtins.path {
      name = "busybox";
      path = ./busybox;
    };
  };
in
{
  hosts = builtins.mapAttrs (name: spec: toplevel (spec // { inherit name; })) inventory.hosts;
}
