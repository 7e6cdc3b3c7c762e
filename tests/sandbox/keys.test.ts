import ssh2 from "ssh2";
import { expect, it } from "vitest";
import { generateKeyPair } from "../../src/sandbox/ssh/keys.ts";

it("makes no key that cannot be read again, however many are made", () => {
  const pairs = Array.from({ length: 2_000 }, generateKeyPair);
  for (const { privateKey, publicKey } of pairs) {
    expect(ssh2.utils.parseKey(privateKey)).not.toBeInstanceOf(Error);
    expect(Buffer.from(publicKey.split(" ")[1] ?? "", "base64")).toHaveLength(51);
  }
});
