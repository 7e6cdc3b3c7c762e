import { Dearmorer, isArmored } from "./armor.ts";

/** An age file as bytes, whether it was armored or not: as short as it gets. @throws SecretsError `secrets/not-age`. */
export function binaryAge(file: Uint8Array): Buffer {
  if (!isArmored(file)) return Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const armor = new Dearmorer();
  return Buffer.concat([armor.push(file), armor.finish()]);
}
