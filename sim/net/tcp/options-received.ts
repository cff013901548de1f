/** What a connection knows from its peer's options. @source include/linux/tcp.h struct tcp_options_received */
export class OptionsReceived {
  /** When tsRecent was stored, seconds; 0: never. */
  tsRecentStamp: number = 0;
  tsRecent: number = 0;
  rcvTsval: number = 0;
  rcvTsecr: number = 0;
  /** The segment in work has a timestamp. */
  sawTstamp: boolean = false;
  /** The connection uses timestamps, SACK, window scaling. */
  tstampOk: boolean = false;
  sackOk: boolean = false;
  wscaleOk: boolean = false;
  /** D-SACK is to be sent. */
  dsack: boolean = false;
  sndWscale: number = 0;
  rcvWscale: number = 0;
  /** SACK blocks to send. */
  numSacks: number = 0;
  /** TCP_MAXSEG, and the largest MSS by the handshake. */
  userMss: number = 0;
  mssClamp: number = 0;
  /** SACK blocks of the segment in work: where they begin (address), how many; 0: none. */
  sackAt: number = 0;
  sackCount: number = 0;
}
