# skep for NixOS: the secrets of `skep deploy` after a reboot (./keeper.nix), and secrets that travel in the system's own
# closure, with the option names of agenix (./age.nix). See docs/nixos.md.
{
  imports = [
    ./age.nix
    ./keeper.nix
  ];
}
