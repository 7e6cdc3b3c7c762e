{ modulesPath, ... }:
{
  imports = [ (modulesPath + "/profiles/qemu-guest.nix") ];

  networking.hostName = "edge-1";
  networking.firewall.allowedTCPPorts = [ 80 ];

  services.openssh.enable = true;
  services.nginx = {
    enable = true;
    virtualHosts.default.locations."/healthz".return = "200 ok";
  };

  boot.loader.grub.device = "/dev/vda";
  fileSystems."/" = {
    device = "/dev/vda1";
    fsType = "ext4";
  };

  system.stateVersion = "24.11";
}
