/** `tc filter ... fw`. @source iproute2 tc/f_fw.c */
import { FwFilter, type FwOptions } from "../../../net/tc/cls/fw.ts";
import { type ExtsSpec, NO_ACTIONS } from "../../../net/tc/exts.ts";
import { matches, type Words } from "../../rtnetlink.ts";
import { advance, refusal, unsignedOf } from "../arguments.ts";
import { type FilterKind, type FilterParse, type ParsedFilter, printExts, takeFilterActions } from "../filter-kind.ts";
import { classidOf, formatClassid } from "../handles.ts";
import { takeOldPolice } from "../old-police.ts";

const USAGE =
  "Usage: ... fw [ classid CLASSID ] [ indev DEV ] [ action ACTION_SPEC ]\n" +
  "\tCLASSID := Push matching packets to the class identified by CLASSID with format X:Y\n" +
  "\t\tCLASSID is parsed as hexadecimal input.\n" +
  "\tDEV := specify device for incoming device classification.\n" +
  "\tACTION_SPEC := Apply an action on matching packets.\n" +
  "\tNOTE: handle is represented as HANDLE[/FWMASK].\n" +
  "\t\tFWMASK is 0xffffffff by default.\n";

function parse(words: Words, p: FilterParse): ParsedFilter {
  const [handle, mask] = parseHandle(p.handle);
  if (words.done) return { handle, options: null };
  let classid = 0;
  let indev: string | null = null;
  let exts: ExtsSpec = NO_ACTIONS;
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    if (matches(w, "classid") || matches(w, "flowid")) {
      const id = classidOf(advance(words));
      if (id === null) throw refusal('Illegal "classid"\n');
      classid = id;
      words.next();
    } else if (matches(w, "police")) {
      advance(words);
      exts = takeOldPolice(words, p.session);
    } else if (matches(w, "action")) {
      advance(words);
      exts = takeFilterActions(words, p.session, 'Illegal fw "action"\n');
    } else if (w === "indev") {
      words.next();
      if (words.done) throw refusal("Illegal indev\n");
      indev = words.next().slice(0, 15);
    } else if (w === "help") throw refusal(USAGE);
    else throw refusal(`What is "${w}"?\n${USAGE}`);
  }
  const options: FwOptions = { mask, classid, indev, exts };
  return { handle, options };
}

/** `MARK[/MASK]`. */
function parseHandle(text: string | null): readonly [number, number | null] {
  if (text === null) return [0, null];
  const slash = text.indexOf("/");
  const mark = unsignedOf(slash < 0 ? text : text.slice(0, slash), 0);
  if (mark === null) throw refusal('Illegal "handle"\n');
  if (slash < 0) return [mark, null];
  const mask = unsignedOf(text.slice(slash + 1), 0);
  if (mask === null) throw refusal('Illegal "handle" mask\n');
  return [mark, mask];
}

/** The record of `fw`. Its options are printed as text also in JSON's place, where tc has none for them. */
export const fw: FilterKind = {
  kind: "fw",
  parse,
  print(o, f, show) {
    if (!(f instanceof FwFilter)) return;
    const mask = f.mask === 0xffffffff ? "" : `/0x${f.mask.toString(16)}`;
    o.plain(`handle 0x${f.handle.toString(16)}${mask} `);
    if (f.classid !== 0) o.plain(`classid ${formatClassid(f.classid)} `);
    if (f.indevName !== "") o.plain(`input dev ${f.indevName} `);
    if (f.exts.actions.length > 0 && !f.exts.oldPolice) o.plain("\n");
    printExts(o, f.exts, show);
  },
};
