// Finding: one thing that `demi doctor` has looked at.

/** `ok` needs nothing, `warning` works and could be better, `missing` keeps some libOS from running. */
export type FindingState = 'ok' | 'warning' | 'missing';

/** One line of the report. */
export interface Finding {
  readonly topic: string;
  readonly state: FindingState;
  /** What was found. */
  readonly found: string;
  /** What to do about it. */
  readonly todo?: string;
}

/** The finding about what no other system than Linux has. */
export function linuxOnly(topic: string): Finding {
  return { topic, state: 'missing', found: 'Linux only' };
}

/** The value of a line such as `CapEff:\t0000` or `flags\t\t: fpu vme` in a file of /proc. */
export function fieldOf(text: string | undefined, name: string): string | undefined {
  for (const line of (text ?? '').split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && line.slice(0, colon).trim() === name) return line.slice(colon + 1).trim();
  }
  return undefined;
}
