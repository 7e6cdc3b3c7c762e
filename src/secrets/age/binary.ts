import { Dearmorer } from "./armor.ts";

const ARMORED = /^\s*-----BEGIN/;

/** An age file as bytes, whether it was armored or not: as short as it gets. @throws SecretsError `secrets/not-age`. */
export function binaryAge(file: Buffer): Buffer {
  if (!ARMORED.test(file.toString("latin1", 0, 64))) return file;
  const armor = new Dearmorer();
  return Buffer.concat([armor.push(file), armor.finish()]);
}
