/**
 * Makes a fresh clone ready for `npm test`: dependencies, and the Debian packages that tests stand on: the fleet's, and a browser.
 * Plain JavaScript without dependencies, because it runs before there are any. Silent when there is nothing to do.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";

const ROOT = dirname(import.meta.dirname);
const NPM_TIMEOUT_MS = 600_000;
const APT_UPDATE_TIMEOUT_MS = 180_000;
const APT_INSTALL_TIMEOUT_MS = 900_000;
const POLICY = "/usr/sbin/policy-rc.d";

/** Each package that tests need, and what shows that it is there. */
const PACKAGES = {
  debootstrap: () => hasProgram("debootstrap"),
  "systemd-container": () => hasProgram("systemd-nspawn"),
  "openssh-client": () => hasProgram("ssh"),
  "openssh-server": () => hasProgram("sshd"),
  "nix-bin": () => hasProgram("nix-store"),
  age: () => hasProgram("age"),
  iproute2: () => hasProgram("ip"),
  "busybox-static": () => existsSync("/var/lib/dpkg/info/busybox-static.list") && existsSync("/bin/busybox"),
  sudo: () => hasProgram("sudo"),
  chromium: () => hasProgram("chromium") || hasProgram("google-chrome"),
};

installDependencies();
// Building and the demo need no packages of the machine.
if (!process.argv.includes("--npm-only")) installPackages();

function installDependencies() {
  if (dependenciesAreCurrent()) return;
  say("installing the dependencies: npm ci");
  const result = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: NPM_TIMEOUT_MS,
  });
  if (result.status === 0) return;
  say(`npm ci failed: ${howItEnded(result)}`);
  process.exit(1);
}

/** npm writes its hidden lockfile last, so its age is that of a whole installation. */
function dependenciesAreCurrent() {
  const installed = statSync(join(ROOT, "node_modules/.package-lock.json"), { throwIfNoEntry: false });
  const wanted = statSync(join(ROOT, "package-lock.json"));
  return installed !== undefined && installed.mtimeMs >= wanted.mtimeMs;
}

function installPackages() {
  const missing = missingPackages();
  if (missing.length === 0) return;
  const obstacle = whyAptCannotHelp();
  if (obstacle !== undefined) return sayWhatIsSkipped(missing, obstacle);

  const guarded = !existsSync(POLICY);
  if (guarded) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    say("reading the package lists: apt-get update");
    const update = apt(["update", "-q"], APT_UPDATE_TIMEOUT_MS);
    if (update.status !== 0) say(`apt-get update failed (${howItEnded(update)}), going on with the lists at hand`);
    say(`installing with apt-get: ${missing.join(" ")}`);
    const install = apt(["install", "-y", "-q", "--no-install-recommends", ...missing], APT_INSTALL_TIMEOUT_MS);
    const still = missingPackages();
    if (still.length > 0) {
      process.stderr.write(`${lastLines(install.stderr)}\n`);
      sayWhatIsSkipped(still, `apt-get install failed: ${howItEnded(install)}`);
    }
  } finally {
    if (guarded) rmSync(POLICY, { force: true });
  }
}

function missingPackages() {
  return Object.entries(PACKAGES)
    .filter(([, isThere]) => !isThere())
    .map(([name]) => name);
}

function whyAptCannotHelp() {
  if (process.getuid?.() !== 0) return "not root";
  if (!hasProgram("apt-get") || !isDebian()) return "not a Debian or Ubuntu machine";
  return undefined;
}

function isDebian() {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release);
}

function apt(args, timeout) {
  return spawnSync("apt-get", ["-o", "DPkg::Lock::Timeout=120", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    timeout,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
}

function sayWhatIsSkipped(missing, reason) {
  say(`cannot install ${missing.join(" ")} (${reason}): tests that need them, the fleet's first of all, are skipped`);
}

function hasProgram(name) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => folder !== "" && existsSync(join(folder, name)));
}

function howItEnded({ status, signal, error }) {
  if (error !== undefined) return error.message;
  return status === null ? `signal ${signal}` : `exit code ${status}`;
}

function lastLines(text) {
  return (text ?? "").trimEnd().split("\n").slice(-5).join("\n");
}

function say(line) {
  process.stdout.write(`set-up: ${line}\n`);
}
