/** A JSON Schema as far as ours use it. */
export interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly type?: string;
  readonly const?: string | number;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** The page that tells of each event, from the schema. */
export function eventsPage(schema: Schema, version: number): string {
  return `# Events

\`skep deploy --json\` prints what happens in a run, one JSON object a line, in the order it happens. This page is made from
[events.schema.json](events.schema.json), the JSON Schema of every event, and that from the code; a test keeps them so, and
another holds every event of real runs against it.

The first event, \`run-started\`, has the version of all of this in \`v\`; it is ${version}. It goes up when a reader would have to
change. Without that, events may get new fields, and there may be new types of events: pass over what you do not know.
What is not known is left out, never \`null\`. Instants are ISO 8601, lengths of time milliseconds, sizes bytes.

What hosts and builders print is in \`log\` and in errors as they printed it: treat it as text that anybody may have written.
Secrets that the operator opens are \`[redacted]\` in it; see [secrets](secrets.md#in-reports).

${(schema.anyOf ?? []).map(eventSection).join("\n\n")}

## Parts

${Object.entries(schema.$defs ?? {})
  .map(([name, part]) => partSection(name, part))
  .join("\n\n")}
`;
}

function eventSection(event: Schema): string {
  const { type, ...fields } = event.properties ?? {};
  return [`## \`${String(type?.const)}\``, ...describe(event), fieldsTable({ ...event, properties: fields })].join(
    "\n\n",
  );
}

function partSection(name: string, part: Schema): string {
  const lines = [`### ${name}`, ...describe(part)];
  if (part.enum !== undefined) lines.push(`One of ${part.enum.map((word) => `\`${word}\``).join(", ")}.`);
  if (part.properties !== undefined) lines.push(fieldsTable(part));
  const variants = part.anyOf ?? [];
  if (variants.length > 0) lines.push(fieldsTable(merge(variants)));
  return lines.join("\n\n");
}

/** The fields of all variants; those that not all have are optional, and enumerations are joined. */
function merge(variants: readonly Schema[]): Schema {
  const properties: Record<string, Schema> = {};
  for (const variant of variants) {
    for (const [name, field] of Object.entries(variant.properties ?? {})) {
      const words = [...wordsOf(properties[name]), ...wordsOf(field)];
      properties[name] = words.length > 0 ? { ...field, enum: [...new Set(words)] } : field;
    }
  }
  const required = Object.keys(properties).filter((name) => variants.every((one) => one.required?.includes(name)));
  return { properties, required };
}

function wordsOf(field: Schema | undefined): readonly string[] {
  if (field === undefined) return [];
  return field.enum ?? (typeof field.const === "string" ? [field.const] : []);
}

function fieldsTable({ properties = {}, required = [] }: Schema): string {
  const rows = Object.entries(properties).map(([name, field]) => {
    const optional = required.includes(name) ? "" : ", or not there";
    return `| \`${name}\` | ${typeOf(field)}${optional} | ${field.description ?? ""} |`;
  });
  return ["| Field | Type | |", "| --- | --- | --- |", ...rows].join("\n");
}

function typeOf(field: Schema): string {
  if (field.$ref !== undefined) {
    const name = field.$ref.replace("#/$defs/", "");
    return `[${name}](#${name.toLowerCase()})`;
  }
  const words = wordsOf(field);
  if (words.length > 0) return words.map((word) => `\`${word}\``).join(", ");
  if (field.const !== undefined) return `\`${field.const}\``;
  if (field.items !== undefined) return `list of ${typeOf(field.items)}`;
  return field.type ?? "any";
}

function describe({ description }: Schema): readonly string[] {
  return description === undefined ? [] : [`${description}.`];
}
