// What a lab's nodes are asked before and after its timeline, and what of the answers is compared. The recorder and the test
// that runs the same lab in netsim both read by these functions.

/** Commands that read counters that never go back; they are read twice, and the difference counts. */
export const cumulative = (devices) => [
  "ip -s -j link show",
  ...devices.map((dev) => `ethtool -S ${dev}`),
  "nstat -a -s -z -j",
];

/** Commands that show what the timeline made, with its counters. @param clsact devices that have clsact at the end */
export const made = (devices, clsact) => [
  "tc -s -j qdisc show",
  ...devices.map((dev) => `tc -s class show dev ${dev}`),
  ...clsact.flatMap((dev) => [`tc -s -j filter show dev ${dev} ingress`, `tc -s -j filter show dev ${dev} egress`]),
];

/** What is left out of the comparison. */
export const leftOut = [
  "before the timeline: what IPv6 sends of its own accord when interfaces come up (MLD reports, duplicate address detection), at random times",
  "SNMP counters that netsim does not have",
  "round-trip and elapsed times",
  "indices of devices, ids of programs and maps: the kernel numbers those of all namespaces together",
  "per-CPU values: their sums are compared, for which CPU works is the scheduler's choice",
];

/** Sums of 64-bit words of the values of all CPUs, hex as they lie in memory. */
function sumOfCpus(values) {
  const words = new BigUint64Array(values[0].value.length / 8);
  for (const { value } of values) {
    const bytes = Uint8Array.from(value, Number);
    for (let i = 0; i < words.length; i++) words[i] += new DataView(bytes.buffer).getBigUint64(8 * i, true);
  }
  return Buffer.from(words.buffer).toString("hex");
}

const hex = (bytes) => bytes.map((byte) => byte.slice(2)).join("");

/** Entries of a map as [key, value] in hex, sorted by key. */
function mapEntries(json) {
  const rows = JSON.parse(json);
  return (Array.isArray(rows) ? rows : [rows])
    .map((row) => [hex(row.key), row.values ? sumOfCpus(row.values) : hex(row.value)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What a command said, without what no two runs have in common; null for one that printed nothing. */
export function saying(command, { stdout, stderr }) {
  if (stdout === "" && stderr === "") return null;
  if (/^bpftool -j map (dump|lookup) /.test(command) && stderr === "") return mapEntries(stdout);
  const text = /^ping /.test(command)
    ? stdout.replace(/ time=[\d.]+ ms| ?, time \d+ms/g, "").replace(/^rtt .*\n/gm, "")
    : stdout;
  return (text + stderr).split("\n").filter((line) => line !== "");
}

function links(json) {
  const state = ({ ifname, mtu, qdisc, operstate, stats64 }) => [ifname, { mtu, qdisc, operstate, stats: stats64 }];
  return Object.fromEntries(
    JSON.parse(json)
      .map(state)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function ethtoolRows(text) {
  const rows = [...text.matchAll(/^ {5}(\w+): (\d+)$/gm)].map(([, key, value]) => [key, Number(value)]);
  return Object.fromEntries(rows.filter(([key]) => key !== "peer_ifindex"));
}

/** Ids are of one run. */
function withoutIds(value) {
  if (Array.isArray(value)) return value.map(withoutIds);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== "id")
      .map(([key, inner]) => [key, withoutIds(inner)]),
  );
}

/** An answer to one of the commands above as data. */
export function readAnswer(command, stdout) {
  if (command.startsWith("ip ")) return links(stdout);
  if (command.startsWith("ethtool ")) return ethtoolRows(stdout);
  if (command.startsWith("nstat ")) return JSON.parse(stdout).kernel;
  if (command.startsWith("tc -s class")) return stdout.split("\n").filter((line) => line !== "");
  return withoutIds(JSON.parse(stdout === "" ? "[]" : stdout));
}

/** Numbers as what was added since, without those that stayed (a counter that is not listed is 0); everything else as it is now. */
export function since(before, after) {
  const out = {};
  for (const [key, value] of Object.entries(after)) {
    if (key === "mtu" || typeof value === "string") out[key] = value;
    else if (typeof value === "object") out[key] = since(before[key], value);
    else if (value !== (before[key] ?? 0)) out[key] = value - (before[key] ?? 0);
  }
  return out;
}
