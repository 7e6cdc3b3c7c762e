// The web service of the example fleet. It says what is released and on which host; a broken release says so too.
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { hostname } from "node:os";
import { readFileSync } from "node:fs";

const { PORT = "8080", RELEASE = "unknown", HOST = hostname(), SESSION_KEY_FILE = "session-key" } = process.env;
const sessionKey = readFileSync(SESSION_KEY_FILE);
const page = readFileSync(new URL("index.html", import.meta.url), "utf8");
const broken = RELEASE.endsWith("broken");

createServer((request, response) => {
  const status = broken ? 500 : 200;
  if (request.url === "/healthz") response.writeHead(status).end(broken ? "broken\n" : "ok\n");
  else if (request.url === "/") response.writeHead(status).end(`${RELEASE} on ${HOST}\n`);
  else if (request.url === "/login") {
    const visit = String(Date.now());
    const signature = createHmac("sha256", sessionKey).update(visit).digest("base64url");
    response.writeHead(status, { "set-cookie": `session=${visit}.${signature}; HttpOnly` }).end("welcome\n");
  } else if (request.url === "/index.html") response.writeHead(status, { "content-type": "text/html" }).end(page);
  else response.writeHead(404).end("not found\n");
}).listen(Number(PORT));
