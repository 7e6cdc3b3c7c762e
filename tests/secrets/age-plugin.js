// An age plugin in a process of its own, that speaks the protocol as C2SP age-plugin has it: `node age-plugin.js CONFIG
// --age-plugin=MACHINE`. It wraps by a mask that follows from the recipient: secret from nobody, and enough to be opened
// by the right identity alone. CONFIG says what it does besides, and where it writes down what was said.
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

const [config, argument = ""] = process.argv.slice(2);
const { name, log, does = "its work", pin, labels = [], message } = JSON.parse(readFileSync(config, "utf8"));
const machine = argument.replace("--age-plugin=", "");
if (!["recipient-v1", "identity-v1"].includes(machine)) process.exit(2);
note(`${machine} in ${process.cwd()}`);

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const STANZA = `example.com/${name}`;

const said = await hearAll();
if (message !== undefined) await tell("msg", [], message);
await misbehave();
if (does === "grease") {
  const [answer] = await tell("grease-7f", ["1", "2"], "whatever");
  note(`grease: ${answer}`);
}
if (machine === "recipient-v1") await wrap();
else await unwrap();
say("done");
// It reads on: whoever started it says when it is over.
if (does === "stay") {
  process.on("SIGTERM", () => undefined);
  setInterval(() => undefined, 1000);
}

async function wrap() {
  const recipients = said.filter(([command]) => command === "add-recipient").map(([, text]) => text);
  const fileKeys = said.filter(([command]) => command === "wrap-file-key").map((stanza) => stanza.at(-1));
  note(`wraps ${fileKeys.length} for ${recipients.length}`);
  if (said.some(([command]) => command === "extension-labels") && labels.length > 0) await tell("labels", labels);
  if (does === "error") await tell("error", ["recipient", "0"], "no such slot");
  for (const [index, fileKey] of fileKeys.entries()) {
    for (const recipient of recipients) {
      const id = idOf(recipient);
      const file = does === "another file" ? "7" : String(index);
      await tell("recipient-stanza", [file, STANZA, base64(id)], masked(fileKey, id));
      if (does === "too many") await tell("recipient-stanza", [file, STANZA, base64(id)], masked(fileKey, id));
    }
  }
}

async function unwrap() {
  const identities = said.filter(([command]) => command === "add-identity").map(([, text]) => text);
  const stanzas = said.filter(([command]) => command === "recipient-stanza");
  note(`unwraps ${new Set(stanzas.map(([, file]) => file)).size} with ${identities.length}`);
  if (pin !== undefined) {
    const [answer, , secret] = await ask("request-secret", [], "PIN");
    if (answer !== "ok" || secret !== pin) return tell("error", ["internal"], "the PIN is wrong\u001b[2J");
  }
  if (does === "ask") {
    note(`public: ${(await ask("request-public", [], "serial number")).join(" ")}`);
    note(`confirm: ${(await ask("confirm", [base64("go on"), base64("stop")], "plug it in")).join(" ")}`);
    note(`alone: ${(await ask("confirm", [base64("fine")], "no way back")).join(" ")}`);
  }
  if (does === "error") return tell("error", ["identity", "0"], "no such slot");
  const opened = new Set();
  for (const [, file, type, id, ...rest] of stanzas) {
    const own = identities.map(idOf).find((one) => type === STANZA && base64(one) === id);
    if (own === undefined || opened.has(file)) continue;
    if (does === "doubt") {
      await tell("error", ["stanza", file, "0"], "it is torn");
      continue;
    }
    if (does !== "twice") opened.add(file);
    const fileKey = masked(rest.at(-1), own);
    const index = does === "another file" ? "99" : file;
    await tell("file-key", [index], does === "half a key" ? fileKey.subarray(8) : fileKey);
    if (does === "twice") await tell("file-key", [index], fileKey);
  }
}

async function misbehave() {
  if (does === "die") {
    process.stderr.write("\u001b[31mno card\nin the reader\n");
    process.exit(3);
  }
  if (does === "hang") await forever();
  if (does === "ignore") {
    process.on("SIGTERM", () => undefined);
    await forever();
  }
  if (does === "nonsense") process.stdout.write("hello\n");
  if (does === "flood") for (;;) await flood("x".repeat(65_536));
  if (does === "chatter") for (;;) await flood("-> msg\n\n".repeat(1_000));
}

function flood(text) {
  return new Promise((resolve) => process.stdout.write(text, resolve));
}

function forever() {
  return new Promise(() => setInterval(() => undefined, 1000));
}

/** Everything up to `done`: the words of each stanza, and its body. */
async function hearAll() {
  const all = [];
  for (;;) {
    const stanza = await hear();
    if (stanza[0] === "done") return all;
    all.push(stanza);
  }
}

async function hear() {
  const words = await nextLine();
  let body = "";
  for (;;) {
    const line = await nextLine();
    body += line;
    if (line.length < 64) return [...words.split(" ").slice(1), Buffer.from(body, "base64")];
  }
}

async function nextLine() {
  const { value, done } = await lines.next();
  if (done) process.exit(4);
  return value;
}

function say(command, args = [], body = "") {
  const text = base64(body).replaceAll(/.{64}/g, "$&\n");
  const stanza = `-> ${[command, ...args].join(" ")}\n${text}\n`;
  if (does === "drip") for (const character of stanza) writeSync(1, character);
  else process.stdout.write(stanza);
}

async function tell(command, args, body) {
  say(command, args, body);
  return hear();
}

/** The words of the answer, and its body as text. */
async function ask(command, args, body) {
  const [answer, ...rest] = await tell(command, args, body);
  return [answer, rest.length > 1 ? rest[0] : "-", rest.at(-1).toString()];
}

/** The data of a Bech32 text, bit for bit, without the checksum. */
function idOf(text) {
  return createHash("sha256")
    .update(text.toLowerCase().slice(text.lastIndexOf("1") + 1, -6))
    .digest()
    .subarray(0, 8);
}

function masked(fileKey, id) {
  const mask = createHash("sha256").update(`mask${name}`).update(id).digest();
  return Buffer.from(fileKey.map((byte, index) => byte ^ mask[index]));
}

function base64(bytes) {
  return Buffer.from(bytes).toString("base64").replaceAll("=", "");
}

function note(text) {
  appendFileSync(log, `${text}\n`);
}
