import { spawnSync } from "node:child_process";
import { readdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROFILE_FUNCTIONS } from "#store";
import { storePath } from "../closures.ts";
import { noNix } from "../real-store.ts";
import { hostKinds } from "./local-hosts.ts";

const PROFILE = "/nix/var/nix/profiles/skep";
const [v1, v2] = [storePath("v1"), storePath("v2")];

async function inRoot(path: string, work: (call: (...words: string[]) => string, root: string) => void): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "skep profile-"));
  try {
    work((...words) => {
      const { stdout, stderr } = spawnSync("sh", ["-c", `${PROFILE_FUNCTIONS}\n"$@"`, "sh", ...words], {
        env: { PATH: path },
        encoding: "utf8",
      });
      return `${stdout}${stderr}`.trim();
    }, root);
  } finally {
    await rm(root, { recursive: true });
  }
}

describe.each(hostKinds.filter(({ uid }) => uid === undefined))(
  "the functions for profiles on $name",
  ({ path, unavailable }) => {
    it.skipIf(unavailable)("make generations as Nix lays them out", async () => {
      await inRoot(path, (call, root) => {
        const set = (toplevel: string): string => call("set_profile", root, PROFILE, toplevel);
        const link = (suffix = ""): string => readlinkSync(`${root}${PROFILE}${suffix}`);
        expect(set(v1)).toBe("1");
        expect([link(), link("-1-link")]).toEqual(["skep-1-link", v1]);
        expect(set(v1)).toBe("1");
        expect(set(v2)).toBe("2");
        expect([link(), link("-2-link")]).toEqual(["skep-2-link", v2]);
        expect(call("switch_generation", root, PROFILE, "1")).toBe("");
        expect(link()).toBe("skep-1-link");
        expect(set(v2)).toBe("2");
        expect(link()).toBe("skep-2-link");
        expect(set(v1)).toBe("3");
        expect(call("switch_generation", root, PROFILE, "7")).toContain("there is no generation 7");
        expect(readdirSync(join(root, "nix/var/nix/profiles")).sort()).toEqual([
          "skep",
          "skep-1-link",
          "skep-2-link",
          "skep-3-link",
        ]);
      });
    });

    it.skipIf(unavailable)("count on from the greatest, whatever else lies there", async () => {
      await inRoot(path, (call, root) => {
        for (const toplevel of [v1, v2, v1, v2, v1, v2, v1, v2, v1, v2]) call("set_profile", root, PROFILE, toplevel);
        const profile = `${root}${PROFILE}`;
        for (const name of ["-011-link", "-x-link", "--link", "-1e3-link"]) symlinkSync(v1, `${profile}${name}`);
        writeFileSync(`${profile}-77-link`, "no link");
        expect(call("newest_generation", profile)).toBe("10");
        expect(call("set_profile", root, PROFILE, v1)).toBe("11");
        const numbers = call("generations_of", profile).split("\n").map(Number);
        expect(numbers.sort((one, other) => one - other)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11]);
        expect(call("newest_generation", `${profile}-other`)).toBe("0");
      });
    });
  },
);

describe.skipIf(noNix)("the functions for profiles", () => {
  it("make generations that nix-env lists and goes back to", async () => {
    await inRoot(process.env.PATH ?? "", (call, root) => {
      call("set_profile", root, PROFILE, v1);
      call("set_profile", root, PROFILE, v2);
      const nixEnv = (...args: string[]): string => {
        const { stdout, stderr } = spawnSync("nix-env", ["--profile", `${root}${PROFILE}`, ...args], {
          encoding: "utf8",
        });
        return stdout + stderr;
      };
      expect(nixEnv("--list-generations")).toMatch(/^\s*1 .*\n\s*2 .*\(current\)/m);
      expect(nixEnv("--switch-generation", "1")).toContain("switching");
      expect(readlinkSync(`${root}${PROFILE}`)).toBe("skep-1-link");
    });
  });
});
