/** What bpf(2), called by programs, leaves behind: descriptors, maps, programs and attachments, and when they end. */
import { beforeEach, describe, expect, it } from "vitest";
import { bpfSyscall } from "../../../sim/net/bpf-syscall/index.ts";
import { releaseClosed } from "../../../sim/net/bpf-syscall/release.ts";
import type { Host } from "../../../sim/net/host.ts";
import { listTcx } from "../../../sim/net/tc/control.ts";
import { freshHost } from "../../kernel/replay-kit.ts";

const MAP_CREATE = 0;
const MAP_UPDATE_ELEM = 2;
const PROG_LOAD = 5;
const MAP_GET_FD_BY_ID = 14;
const LINK_CREATE = 28;
const ATTR = 168;
const XDP = { type: 6, attach: 37 };
const TC = { type: 3, attach: 46 };

describe("descriptors of programs that call bpf(2)", () => {
  let host: Host;
  let memory: number;
  beforeEach(() => {
    host = freshHost(1);
    memory = host.kernel.arena.alloc(4096, 8);
  });

  /** Fields of 4 bytes by offset. */
  function call(cmd: number, fields: Readonly<Record<number, number>>): number {
    const { u8, dv } = host.kernel.arena;
    u8.fill(0, memory, memory + ATTR);
    for (const [at, value] of Object.entries(fields)) dv.setUint32(memory + Number(at), value, true);
    return bpfSyscall(host, cmd, memory, ATTR);
  }

  const array = (): number => call(MAP_CREATE, { 0: 2, 4: 4, 8: 8, 12: 1 });

  /** `r0 = 1; exit`, or with a map loaded before it. */
  function program(type: number, mapFd?: number): number {
    const { dv } = host.kernel.arena;
    const at = memory + 512;
    const words = mapFd === undefined ? [] : [0x18 | (0x11 << 8), mapFd, 0, 0];
    words.push(0xb7, 1, 0x95, 0);
    words.forEach((w, i) => {
      dv.setUint32(at + i * 4, w, true);
    });
    dv.setUint32(memory + 1024, 0x004c5047, true);
    return call(PROG_LOAD, { 0: type, 4: words.length / 2, 8: at, 16: memory + 1024 });
  }

  it("numbers start behind the standard streams, and the lowest free one is taken", () => {
    expect([array(), array(), array()]).toEqual([3, 4, 5]);
    expect([host.bpf.fds.close(4), array(), array()]).toEqual([0, 4, 6]);
  });

  it("a map goes with its last descriptor when the program has ended", () => {
    const fd = array();
    const [id] = [...host.bpf.maps.keys()];
    const second = call(MAP_GET_FD_BY_ID, { 0: id! });
    host.bpf.fds.close(fd);
    releaseClosed(host);
    expect(host.bpf.maps.has(id!)).toBe(true);
    host.bpf.fds.close(second);
    expect(host.bpf.maps.has(id!)).toBe(true);
    releaseClosed(host);
    expect(host.bpf.maps.has(id!)).toBe(false);
  });

  it("a map that a program uses or that is pinned stays", () => {
    const used = array();
    const pinned = array();
    const [usedId, pinnedId] = [...host.bpf.maps.keys()];
    const prog = program(TC.type, used);
    expect(prog).toBe(5);
    host.bpf.pins.set("/sys/fs/bpf/m", { kind: "map", id: pinnedId! });
    for (const fd of [used, pinned]) host.bpf.fds.close(fd);
    releaseClosed(host);
    expect([...host.bpf.maps.keys()]).toEqual([usedId, pinnedId]);
    host.bpf.fds.close(prog);
    releaseClosed(host);
    expect([...host.bpf.maps.keys()]).toEqual([pinnedId]);
    expect(host.bpf.programs.size).toBe(0);
  });

  it("a descriptor that is open for reading does not write", () => {
    array();
    const [id] = [...host.bpf.maps.keys()];
    const fd = call(MAP_GET_FD_BY_ID, { 0: id!, 8: 8 });
    expect(call(MAP_UPDATE_ELEM, { 0: fd, 8: memory + 600, 16: memory + 608 })).toBe(-1);
  });

  it("a link runs its program until it is closed", () => {
    const dev = host.devices[1]!;
    const xdp = call(LINK_CREATE, { 0: program(XDP.type), 4: 1, 8: XDP.attach });
    const tcx = call(LINK_CREATE, { 0: program(TC.type), 4: 1, 8: TC.attach });
    expect([dev.xdp?.mode, listTcx(dev, "ingress").length]).toEqual(["xdpgeneric", 1]);
    for (const fd of [xdp, tcx]) host.bpf.fds.close(fd);
    expect([dev.xdp?.mode, listTcx(dev, "ingress").length]).toEqual(["xdpgeneric", 1]);
    releaseClosed(host);
    expect([dev.xdp, listTcx(dev, "ingress").length]).toEqual([null, 0]);
  });
});
