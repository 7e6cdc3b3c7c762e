import { STATE_FOLDER } from "#hive";
import type { Fleet } from "./init.ts";

const ABOUT: Readonly<Record<string, string>> = {
  "hive.ts": "the fleet: its hosts, and in which order they are deployed",
  "hosts/bee.ts": "what a host is: its system, its secrets, its checks",
  "hosts/bee/heartbeat.sh": "the program it runs",
  "hosts/heartbeat.nix": "the service it runs",
  "hosts/bee.nix": "its NixOS configuration: the disks are yours to fill in",
  "flake.nix": "which NixOS configuration is whose",
  "secrets/secrets.ts": "who may read which secret",
  "secrets/heartbeat/key.age": "a secret: 32 random bytes, encrypted",
  "secrets/secrets.lock.json": "to whom each file is encrypted",
  ".github/workflows/skep.yml": "plans on pull requests, deploys what is merged; see its first lines",
  ".gitlab-ci.yml": "plans on merge requests, deploys what is merged; see its first lines",
  ".gitlab/skep.yml": "plans on merge requests, deploys what is merged; include it in .gitlab-ci.yml",
  [`${STATE_FOLDER}/.gitignore`]: "keeps the journal of runs out of git",
  ".gitignore": "keeps what this machine and pipelines leave out of git",
  "package.json": "which skep the fleet is deployed with, once it is installed",
  "tsconfig.json": "for editors, and for tsc",
};

/** What was written, what is to be known of it, and the commands that come next. */
export function tellWritten(
  fleet: Fleet,
  {
    names,
    folder,
    enter,
  }: { readonly names: readonly string[]; readonly folder: string; readonly enter?: string | undefined },
): string {
  const width = Math.max(...names.map((name) => name.length));
  const rows = names.map((name) => `  ${name.padEnd(width)}  ${ABOUT[name] ?? ""}\n`);
  const notes = notesOn(fleet).map((note) => `\n${note}\n`);
  const steps = [...(enter === undefined ? [] : [[enter, ""] as const]), ...nextSteps(fleet)];
  const long = Math.max(...steps.map(([command]) => command.length));
  const next = steps.map(
    ([command, why]) => `  ${command.padEnd(why === "" ? 0 : long)}${why === "" ? "" : `  # ${why}`}\n`,
  );
  return `Written to ${folder}:\n${rows.join("")}${notes.join("")}\nNext:\n${next.join("")}`;
}

function notesOn({ system, host, hasFlake, reader, notes: ofFiles }: Fleet): readonly string[] {
  const notes = [...ofFiles];
  if (reader.identityFile !== undefined) {
    const verb = reader.save === undefined ? "is" : "was made: it is";
    notes.push(
      `You have no SSH key that could open the secret, so an age identity ${verb} in ${reader.identityFile}.\n` +
        `Keep a copy of it in a safe place, never in the repository. skep looks for it there by itself.`,
    );
  }
  if (system === "nixos" && hasFlake) {
    notes.push(`Add ./hosts/heartbeat.nix to the modules of nixosConfigurations.${host} in your flake.nix.`);
  }
  if (system === "nixos")
    notes.push("A sandbox has no NixOS, so the hive is tried on a real host; Nix sees only what git does: git add .");
  return notes;
}

function nextSteps({ system, pipeline }: Fleet): readonly (readonly [command: string, why: string])[] {
  const where =
    pipeline === "none"
      ? "the folder you have skep in, so that your editor explains hive.ts"
      : "what npm pack made in the folder you have skep in; commit it, the pipeline runs it";
  const install = [`npm install --save-dev ${pipeline === "none" ? "FOLDER" : "./skep-*.tgz"}`, where] as const;
  const deploy = ["skep deploy", "once hive.ts has the address of your host"] as const;
  if (system === "linux") {
    return [
      ["skep deploy --sandbox", "try it here and now: no real host is touched"],
      ["skep secrets check", "whether each secret is encrypted to those who may read it"],
      install,
      deploy,
    ];
  }
  return [
    ["skep secrets check", "whether each secret is encrypted to those who may read it"],
    ["skep build", "whether Nix builds the system"],
    install,
    deploy,
  ];
}
