// The database of the example fleet: one line in, `KEY` or `KEY VALUE`, and the value back. Kept in one file.
import { createServer } from "node:net";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const { PORT = "5432", STATE_DIRECTORY = "." } = process.env;
const path = `${STATE_DIRECTORY}/data.json`;
const data = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};

createServer((socket) => {
  socket.on("error", () => socket.destroy());
  createInterface({ input: socket }).on("line", (line) => {
    const [key, ...value] = line.trim().split(" ");
    if (value.length > 0) {
      data[key] = value.join(" ");
      writeFileSync(`${path}.new`, JSON.stringify(data));
      renameSync(`${path}.new`, path);
    }
    socket.write(`${data[key] ?? ""}\n`);
  });
}).listen(Number(PORT));
