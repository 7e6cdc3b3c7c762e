import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { PROFILE_FUNCTIONS } from "#store";
import { ADD_SCRIPT } from "../../../src/store/posix/add-script.ts";
import { COLLECT_SCRIPT, READ_STORE_SCRIPT } from "../../../src/store/posix/garbage-scripts.ts";
import { HOLD_SCRIPT } from "../../../src/store/posix/hold-script.ts";
import { REGISTER_SCRIPT } from "../../../src/store/posix/register-with-nix.ts";
import { VERIFY_SCRIPT } from "../../../src/store/posix/verify-script.ts";
import { hostKinds } from "./local-hosts.ts";

const SCRIPTS = {
  ADD_SCRIPT,
  COLLECT_SCRIPT,
  HOLD_SCRIPT,
  PROFILE_FUNCTIONS,
  READ_STORE_SCRIPT,
  REGISTER_SCRIPT,
  VERIFY_SCRIPT,
};

describe.each(hostKinds.filter(({ uid }) => uid === undefined))("the scripts of the store without Nix", (kind) => {
  it.skipIf(kind.unavailable).each(Object.entries(SCRIPTS))(`are sh to ${kind.name}: %s`, (_name, input) => {
    const { status, stderr } = spawnSync("sh", ["-n"], { input, encoding: "utf8", env: { PATH: kind.path } });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    // The loader takes a script for complete at this line.
    expect(input.split("\n")).not.toContain("#end");
  });
});
