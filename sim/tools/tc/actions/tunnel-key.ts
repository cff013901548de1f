/** `action tunnel_key`. @source iproute2 tc/m_tunnel_key.c */
import type { IpAddr } from "../../../net/ip/address.ts";
import { TC_ACT_PIPE } from "../../../net/tc/act.ts";
import { TunnelKey, type TunnelKeyOptions } from "../../../net/tc/actions/tunnel-key.ts";
import { parseAddressWord } from "../../addr-words.ts";
import { matches, notInNetsim, type Words } from "../../rtnetlink.ts";
import { ToolError } from "../../tool.ts";
import { takeIndex } from "../action-index.ts";
import { type ActionWords, type ParsedAction, printInstance } from "../action-kind.ts";
import { advance, refusal, unsignedOf } from "../arguments.ts";
import { printControl, takeControlOr } from "../control-word.ts";
import type { PrintObject } from "../print.ts";

const USAGE =
  "Usage: tunnel_key unset\n" +
  "       tunnel_key set <TUNNEL_KEY>\n" +
  "Where TUNNEL_KEY is a combination of:\n" +
  "id <TUNNELID>\n" +
  "src_ip <IP> (mandatory)\n" +
  "dst_ip <IP> (mandatory)\n" +
  "dst_port <UDP_PORT>\n" +
  "geneve_opts | vxlan_opts | erspan_opts <OPTIONS>\n" +
  'csum | nocsum (default is "csum")\n';

/** Words that the simulated tunnels have nothing for, in tc's order. */
const REFUSED: readonly string[] = ["dst_port", "geneve_opts", "vxlan_opts", "erspan_opts"];

type Said = { -readonly [K in keyof TunnelKeyOptions]: TunnelKeyOptions[K] };

function parse(words: Words): ParsedAction {
  advance(words);
  const s: Said = {
    verdict: TC_ACT_PIPE,
    mode: null,
    src: null,
    dst: null,
    id: null,
    tos: null,
    ttl: null,
    csum: true,
  };
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    if (!takeWord(words, w, s)) break;
    words.next();
  }
  s.verdict = takeControlOr(words, TC_ACT_PIPE);
  const index = takeIndex(words, 'tunnel_key: Illegal "index"\n') ?? 0;
  if (s.mode === "set" && (s.src === null || s.dst === null)) {
    throw refusal(`set needs tunnel_key parameters\n${USAGE}`);
  }
  return { index, options: s };
}

function takeWord(words: Words, w: string, s: Said): boolean {
  if (matches(w, "unset") || matches(w, "set")) {
    if (s.mode !== null) throw refusal(`unexpected "${w}" - action already specified\n${USAGE}`);
    s.mode = matches(w, "unset") ? "unset" : "set";
  } else if (matches(w, "src_ip")) s.src = addressOf(advance(words), "src_ip");
  else if (matches(w, "dst_ip")) s.dst = addressOf(advance(words), "dst_ip");
  else if (matches(w, "id")) s.id = numberOf(advance(words), 10, 0xffffffff, "id");
  else if (REFUSED.some((r) => matches(w, r))) throw notInNetsim(`\`tunnel_key ${w}\``);
  else if (matches(w, "tos")) s.tos = octetOf(advance(words), "tos");
  else if (matches(w, "ttl")) s.ttl = octetOf(advance(words), "ttl");
  else if (matches(w, "csum")) s.csum = true;
  else if (matches(w, "nocsum")) s.csum = false;
  else if (matches(w, "help")) throw new ToolError(255, USAGE);
  else return false;
  return true;
}

function addressOf(text: string, name: string): IpAddr {
  try {
    return parseAddressWord(text);
  } catch (error) {
    if (error instanceof ToolError) throw refusal(`${error.stderr}Illegal "${name}"\n`);
    throw error;
  }
}

function numberOf(text: string, base: number, max: number, name: string): number {
  const n = unsignedOf(text, base, max);
  if (n === null) throw refusal(`Illegal "${name}"\n`);
  return n;
}

/** Decimal, else hex. */
function octetOf(text: string, name: string): number {
  return unsignedOf(text, 10, 0xff) ?? numberOf(text, 16, 0xff, name);
}

/** The record of `tunnel_key`. */
export const tunnelKey: ActionWords = {
  kind: "tunnel_key",
  parse,
  print(o, action, flags) {
    if (!(action instanceof TunnelKey)) return;
    const { mode, src, dst } = action.options;
    o.any("kind", "tunnel_key", "tunnel_key ").any("mode", mode, ` ${mode}`);
    if (mode === "set" && src !== null && dst !== null) printKey(o, action.options, src, dst);
    printControl(o, " ", action.verdict);
    o.plain("\n");
    printInstance(o, action, flags, "\t index");
  },
};

function printKey(o: PrintObject, { id, tos, ttl, csum }: TunnelKeyOptions, src: IpAddr, dst: IpAddr): void {
  const text = (a: IpAddr): string => a.toString();
  o.plain("\n").any("src_ip", text(src), `\tsrc_ip ${text(src)}`);
  o.plain("\n").any("dst_ip", text(dst), `\tdst_ip ${text(dst)}`);
  if (id !== null) o.plain("\n").any("key_id", id, `\tkey_id ${id}`);
  o.plain("\n").any("flag", csum ? "csum" : "nocsum", csum ? "\tcsum" : "\tnocsum");
  if (tos !== null && tos !== 0) o.plain("\n").any("tos", tos, `\ttos 0x${tos.toString(16)}`);
  if (ttl !== null && ttl !== 0) o.plain("\n").any("ttl", ttl, `\tttl ${ttl}`);
}
