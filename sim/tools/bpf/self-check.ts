/**
 * Maps of iproute2's `maps` section that are pinned already: they must be what the object says, flag for flag.
 * @source iproute2 lib/bpf_legacy.c bpf_map_selfcheck_pinned, bpf_map_pin_report
 */
import { mapNumber } from "../../bpf/object/map-types.ts";
import type { MapSpec, ObjectSpec } from "../../bpf/spec.ts";
import { type LoadObjectOptions, pinPath } from "../../net/bpf-objects.ts";
import type { Host } from "../../net/host.ts";

/** @returns null, or what `ip` and `tc` print about the first map that differs from the pinned one */
export function selfCheck(
  host: Host,
  object: ObjectSpec,
  options: Pick<LoadObjectOptions, "iproute2">,
): { readonly text: string; readonly map: string; readonly path: string } | null {
  for (const spec of object.maps) {
    const path = spec.elfPin === undefined ? null : pinPath(spec, options);
    const pinned = path === null ? undefined : host.bpf.pinnedMap(path);
    if (pinned === undefined) continue;
    const rows = differences(spec, pinned.spec);
    if (rows === "") continue;
    const report = `Map specification differs from pinned file!\n${rows}\n`;
    return { text: `${report}Map '${spec.name}' self-check failed!\n`, map: spec.name, path: path! };
  }
  return null;
}

function differences(obj: MapSpec, pin: MapSpec): string {
  const hex = (n: number): string => (n === 0 ? "0" : `0x${n.toString(16)}`);
  const rows: readonly (readonly [string, string, string])[] = [
    ["Type:         ", String(mapNumber(obj.kind)), String(mapNumber(pin.kind))],
    ["Size key:     ", String(obj.keySize), String(pin.keySize)],
    ["Size value:   ", String(obj.valueSize), String(pin.valueSize)],
    ["Max elems:    ", String(obj.maxEntries), String(pin.maxEntries)],
    ["Flags:        ", hex(obj.flags), hex(pin.flags)],
  ];
  return rows
    .filter(([, a, b]) => a !== b)
    .map(([what, a, b]) => ` - ${what}${a} (obj) != ${b} (pin)\n`)
    .join("");
}
