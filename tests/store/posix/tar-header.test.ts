import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { TAR_END, tarHeader, tarPadding } from "../../../src/store/posix/tar-header.ts";
import { hostKinds } from "./local-hosts.ts";

const GIB = 1024 ** 3;

describe.each(hostKinds.filter(({ uid }) => uid === undefined))(
  "tarHeader() read on $name",
  ({ path, unavailable }) => {
    it.skipIf(unavailable).each([0, 1, 8 * GIB - 1, 8 * GIB, 3_000 * GIB])("tells a size of %d bytes", (size) => {
      const name = Buffer.from(`p/${"n".repeat(200)}`);
      const listed = spawnSync("tar", ["tvf", "-"], {
        input: tarHeader({ type: "file", name, mode: 0o444, size }),
        encoding: "utf8",
        env: { PATH: path, LC_ALL: "C", TZ: "UTC0" },
      });
      expect(listed.stdout).toMatch(new RegExp(`^-r--r--r-- \\S+ +${size} 1970-01-01 00:00(:01)? p/n{200}$`, "m"));
    });

    it.skipIf(unavailable)("tells a link with a long target, and where the archive ends", () => {
      const target = Buffer.from("t".repeat(101));
      const link = tarHeader({ type: "symlink", name: Buffer.from("link"), mode: 0o777, target });
      const file = tarHeader({ type: "file", name: Buffer.from("file"), mode: 0o555, size: 3 });
      const archive = Buffer.concat([link, file, Buffer.from("abc"), tarPadding(3), TAR_END]);
      expect(archive.length % 512).toBe(0);
      const { stdout, status } = spawnSync("tar", ["tvf", "-"], {
        input: archive,
        encoding: "utf8",
        env: { PATH: path },
      });
      expect(status).toBe(0);
      expect(stdout).toMatch(/^lrwxrwxrwx .* link -> t{101}\n-r-xr-xr-x .* file\n$/);
    });
  },
);
