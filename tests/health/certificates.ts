import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate and its key in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** As `openssl x509 -fingerprint -sha256` prints it, without what stands before it. */
  readonly fingerprint: string;
}

/** Whether this machine has the program that makes them. */
export const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

/** An authority of one's own, made with openssl. */
export interface Authority extends Disposable {
  readonly cert: string;
  /** @param name a DNS name, or `IP:…`. */
  issue(name: string, options: { readonly days: number }): Certificate;
  selfSigned(name: string): Certificate;
}

export function openAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), "skep-certificates-"));
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
    if (status !== 0) throw new Error(`openssl ${args[0] ?? ""}: ${stderr}`);
    return stdout;
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const read = (cert: string, key: string): Certificate => ({
    cert: readFileSync(file(cert), "utf8"),
    key: readFileSync(file(key), "utf8"),
    fingerprint: openssl("x509", "-in", cert, "-noout", "-fingerprint", "-sha256").trim().split("=")[1] ?? "",
  });
  openssl("req", "-x509", ...newKey, "-days", "30", "-subj", "/CN=Meadow CA", "-keyout", "ca.key", "-out", "ca.pem");
  const altName = (name: string): string => (name.startsWith("IP:") ? name : `DNS:${name}`);
  return {
    cert: readFileSync(file("ca.pem"), "utf8"),
    issue(name, { days }) {
      openssl("req", "-new", ...newKey, "-subj", "/CN=server", "-keyout", "server.key", "-out", "server.csr");
      writeFileSync(file("extensions"), `subjectAltName=${altName(name)}\n`);
      const signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions"];
      openssl("x509", "-req", "-in", "server.csr", ...signing, "-days", String(days), "-out", "server.pem");
      return read("server.pem", "server.key");
    },
    selfSigned(name) {
      const names = ["-addext", `subjectAltName=${altName(name)}`];
      openssl(
        "req",
        "-x509",
        ...newKey,
        ...names,
        "-days",
        "30",
        "-subj",
        "/CN=self",
        "-keyout",
        "self.key",
        "-out",
        "self.pem",
      );
      return read("self.pem", "self.key");
    },
    [Symbol.dispose]() {
      rmSync(folder, { recursive: true });
    },
  };
}
