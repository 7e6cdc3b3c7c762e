import { defineHive } from "skep";
import { database } from "./hosts/db.ts";
import { edge } from "./hosts/edge.ts";
import { web } from "./hosts/web.ts";

// What is to be released; `RELEASE=v2 skep deploy` says otherwise.
const release = process.env.RELEASE ?? "v1";

export default defineHive({
  name: "example",
  hosts: {
    "canary-1": web({ release, target: "root@canary-1.example.org", tags: ["canary"] }),
    "web-1": web({ release, target: "root@web-1.example.org" }),
    "web-2": web({ release, target: "root@web-2.example.org" }),
    "db-1": database({ target: "root@db-1.example.org" }),
    "edge-1": edge({ target: "root@edge-1.example.org" }),
  },
  // The canary goes first; where it does not come up well, nobody follows.
  rollout: { waves: ["@canary"] },
});
