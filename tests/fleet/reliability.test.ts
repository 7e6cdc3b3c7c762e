import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Fleet } from "./harness/index.ts";
import { fleetUnavailable, startFleet, writeSystems } from "./harness/index.ts";
import { FAULTS } from "./reliability/faults.ts";
import type { Cell, CellEnding, Lane, Toplevels } from "./reliability/lane.ts";
import { openLane } from "./reliability/lane.ts";
import { MOMENTS } from "./reliability/moments.ts";
import { reliabilityPage } from "./reliability/page.ts";

/** `UPDATE_DOCS=1` rewrites the page from what the run saw. */
const UPDATE = process.env.UPDATE_DOCS === "1";
/** Each cell is played on one kind of host, as on a chess board; with `1` on the other kind. */
const SHIFT = Number(process.env.SKEP_RELIABILITY_SHIFT ?? "0");
/** Only the cells whose name has this in it. */
const ONLY = process.env.SKEP_RELIABILITY_ONLY ?? "";
const PAGE = join(import.meta.dirname, "../../docs/reliability.md");
const LANES_OF_A_KIND = 4;
const COPIES = FAULTS.map((_, index) => `c${index}`);

type Kind = "with Nix" | "without Nix";
const SUITES = { "with Nix": ["bookworm", "trixie"], "without Nix": ["bookworm-without-nix"] } as const;

const CELLS = FAULTS.flatMap((fault, row) =>
  MOMENTS.map((moment, column) => ({
    fault,
    moment,
    kind: (row + column + SHIFT) % 2 === 0 ? "with Nix" : "without Nix",
    name: `${fault} while ${moment}`,
  })),
).filter(({ name }) => name.includes(ONLY));

describe.skipIf(fleetUnavailable() !== undefined)(
  "whatever breaks, a host has one system, and can be deployed to",
  () => {
    let fleet: Fleet;
    const endings = new Map<string, Promise<CellEnding>>();
    const keyOf = ({ fault, moment }: Cell): string => `${fault} while ${moment}`;

    beforeAll(async () => {
      const kinds = Object.keys(SUITES) as Kind[];
      const specs = kinds.flatMap((kind) =>
        Array.from({ length: LANES_OF_A_KIND }, (_, index) => ({
          name: `${kind === "with Nix" ? "nix" : "plain"}-${index}`,
          suite: SUITES[kind][index % SUITES[kind].length] ?? "bookworm",
          disk: "600M",
        })),
      );
      fleet = await startFleet(specs);
      const toplevels = await buildToplevels(fleet);
      const copies = [...COPIES];
      const take = (): string => copies.shift() ?? "";
      for (const kind of kinds) {
        const hosts = fleet.hosts.filter(({ suite }) => (SUITES[kind] as readonly string[]).includes(suite));
        playAll(
          longFirst(CELLS.filter((cell) => cell.kind === kind)),
          hosts.map((host) => openLane(host, { fleet, toplevels, copies: take })),
        );
      }
    });
    afterAll(() => fleet[Symbol.asyncDispose]());

    /** Each lane takes the next cell when it is done with one. */
    function playAll(cells: readonly Cell[], lanes: readonly Promise<Lane>[]): void {
      const waiting = cells.map((cell) => {
        const { promise, resolve } = defer<CellEnding>();
        // It is looked at when its test's turn comes.
        promise.catch(() => undefined);
        endings.set(keyOf(cell), promise);
        return { cell, resolve };
      });
      const work = async (lane: Promise<Lane>): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          const { cell } = next;
          next.resolve(lane.then((opened) => opened.play(cell)));
          await endings.get(keyOf(cell))?.catch(() => undefined);
        }
      };
      for (const lane of lanes) void work(lane);
    }

    it.each(CELLS)("$name, $kind", { timeout: 900_000 }, async ({ fault, moment }) => {
      const ending = await endings.get(keyOf({ fault, moment }));
      expect(ending).toMatchObject({ next: expect.stringMatching(/^(deployed|unchanged)$/) as unknown });
    });

    it.skipIf(ONLY !== "")("docs/reliability.md says so (UPDATE_DOCS=1 rewrites it)", async () => {
      const seen = new Map<string, CellEnding>();
      for (const [key, ending] of endings) seen.set(key, await ending);
      const page = reliabilityPage((fault, moment) => {
        const ending = seen.get(keyOf({ fault, moment }));
        if (ending === undefined) throw new Error(`${keyOf({ fault, moment })} was not played`);
        return ending;
      });
      if (UPDATE) await writeFile(PAGE, page);
      expect(await readFile(PAGE, "utf8")).toBe(page);
    });
  },
);

/** A promise that is kept from outside. */
function defer<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T | PromiseLike<T>) => void } {
  let keep: (value: T | PromiseLike<T>) => void = () => undefined;
  const promise = new Promise<T>((resolve) => (keep = resolve));
  return {
    promise,
    resolve: (value) => {
      keep(value);
    },
  };
}

async function buildToplevels(fleet: Fleet): Promise<Toplevels> {
  const versions = {
    a: {},
    b: {},
    bad: { fault: "unhealthy" },
    ...Object.fromEntries(COPIES.map((version) => [version, { ballastMiB: 4 }])),
  } as const;
  const entries = Object.entries(versions);
  const systems = await writeSystems(
    join(fleet.folder, "systems"),
    Object.fromEntries(entries.map(([version, spec]) => [version, { version, ...spec }])),
  );
  const paths: [string, string][] = [];
  for (const [version] of entries) paths.push([version, await systems.build(version, fleet)]);
  return Object.fromEntries(paths);
}

/** The cells in which a lease must expire take two minutes; those that begin with them are done with the others. */
function longFirst<C extends Cell>(cells: readonly C[]): readonly C[] {
  const isLong = ({ fault, moment }: Cell): boolean =>
    ["operator killed", "network cut"].includes(fault) && ["copying", "installing secrets"].includes(moment);
  return [...cells.filter(isLong), ...cells.filter((cell) => !isLong(cell))];
}
