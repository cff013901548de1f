/** `ip link set`: changes in the order in which the kernel makes them. @source net/core/rtnetlink.c do_setlink */
import { ObjectError } from "../../engine/errors.ts";
import { setDown, setMac, setMtu, setName, setUp } from "../../net/devices/device.ts";
import { setMaster } from "../../net/devices/index.ts";
import { IFF_MULTICAST, IFF_NOARP, type Netdev } from "../../net/netdev.ts";
import { attachXdp, detachXdp } from "../../net/xdp/attach.ts";
import { releaseProgram } from "../bpf/held-objects.ts";
import { baseName, type FoundProgram, loadFailure, obtainProgram } from "../bpf/load.ts";
import { findDevice, notInNetsim, type ToolFlags, talk, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { type LinkRequest, parseLinkWords, type XdpRequest } from "./link-words.ts";
import { setPromisc } from "./promisc.ts";

/** Runs it. */
export function setLink(session: ToolSession, words: Words, flags: ToolFlags): string {
  const request = parseLinkWords(session, words, false);
  if (request.type !== null) throw notInNetsim(`\`ip link set ... type ${request.type}\``);
  if (request.netns !== null)
    throw notInNetsim("moving of devices between hosts", "name the host when adding: peer name X netns NODE");
  const found = loadXdp(session, request.xdp);
  try {
    if (request.dev === null) throw new ToolError(255, 'Not enough information: "dev" argument is required.\n');
    const dev = findDevice(session.host, request.dev);
    const { address } = request;
    if (address !== null && address.length !== 6) {
      throw new ToolError(1, `Invalid address length ${address.length} - must be 6 bytes\n`);
    }
    talk(() => apply(dev, request));
    if (request.xdp !== null) applyXdp(dev, request.xdp, found, flags.force);
  } catch (error) {
    if (found !== null && found.object !== null) releaseProgram(found.prog);
    throw error;
  }
  return "";
}

function apply(dev: Netdev, r: LinkRequest): void {
  if (r.address !== null) setMac(dev, r.address);
  if (r.mtu !== null) setMtu(dev, r.mtu);
  if (r.name !== null) setName(dev, r.name);
  if (r.master !== undefined) setMaster(dev, r.master);
  if (r.promisc !== null) setPromisc(dev, r.promisc);
  setFlag(dev, IFF_MULTICAST, r.multicast);
  setFlag(dev, IFF_NOARP, r.arp === null ? null : !r.arp);
  if (r.up === true) setUp(dev);
  else if (r.up === false) setDown(dev);
  if (r.txQueueLen !== null) dev.txQueueLen = r.txQueueLen;
}

function setFlag(dev: Netdev, flag: number, on: boolean | null): void {
  if (on === true) dev.flags |= flag;
  else if (on === false) dev.flags &= ~flag;
}

/** iproute2 loads the object before it looks for the device. */
function loadXdp(session: ToolSession, xdp: XdpRequest | null): FoundProgram | null {
  if (xdp === null || xdp.source === null) return null;
  const fail = (text: string, cause?: Error): ToolError => new ToolError(255, text, "", cause);
  if (xdp.mode === "xdpoffload" && xdp.source.mode === "object") refuseOffload(session, xdp.source.file);
  return obtainProgram(session, xdp.source, "xdp", fail);
}

/** Loading a program for a device that cannot take it; the kernel says only EINVAL. */
function refuseOffload(session: ToolSession, file: string): never {
  session.readFile(file);
  const cause = new ObjectError({
    code: "XDP_OFFLOAD",
    message: `${file}: no device here can run XDP programs itself (xdpoffload)`,
    fix: "use xdp, xdpdrv or xdpgeneric",
  });
  throw new ToolError(255, loadFailure(file, baseName(file).replace(/\.o$/, ""), "Invalid argument", 22), "", cause);
}

function applyXdp(dev: Netdev, xdp: XdpRequest, found: FoundProgram | null, force: boolean): void {
  const old = dev.xdp?.prog ?? null;
  if (found === null) talk(() => detachXdp(dev, xdp.mode));
  else talk(() => attachXdp(dev, found.prog, { mode: xdp.mode, force }));
  if (old !== null && dev.xdp?.prog !== old) releaseProgram(old);
}
