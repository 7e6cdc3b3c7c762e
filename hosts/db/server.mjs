// The database of the example fleet: `AUTH PASSWORD` first, then one line in, `KEY` or `KEY VALUE`, and the value back.
import { createServer } from "node:net";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const { PORT = "5432", STATE_DIRECTORY = ".", PASSWORD_FILE = "password" } = process.env;
const password = readFileSync(PASSWORD_FILE, "utf8").trim();
const path = `${STATE_DIRECTORY}/data.json`;
const data = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};

createServer((socket) => {
  socket.on("error", () => socket.destroy());
  let known = false;
  createInterface({ input: socket }).on("line", (line) => {
    const [key, ...value] = line.trim().split(" ");
    if (!known) {
      known = key === "AUTH" && value.join(" ") === password;
      socket.write(known ? "welcome\n" : "denied\n");
      return;
    }
    if (value.length > 0) {
      data[key] = value.join(" ");
      writeFileSync(`${path}.new`, JSON.stringify(data));
      renameSync(`${path}.new`, path);
    }
    socket.write(`${data[key] ?? ""}\n`);
  });
}).listen(Number(PORT));
