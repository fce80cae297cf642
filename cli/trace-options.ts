/** The options of `trace` as they were typed. */
export interface TraceOptions {
  readonly case?: string;
  readonly text: boolean;
  readonly pcap: boolean;
  readonly out?: string;
}
