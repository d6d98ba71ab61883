/** 4 is MQTT 3.1.1. */
export type ProtocolVersion = 4 | 5;

/**
 * How a connection ended, as far as the version goes. A broker that does not know MQTT 5 may say so, or close without a
 * word (MQTT 3.1.1, 3.1.2.2), which one that is starting or stopping does too.
 */
export type VersionOutcome = 'accepted' | 'refused' | 'no answer' | 'unrelated';

/** Finds out which version a broker speaks, MQTT 5 first, and remembers. */
export interface VersionChoice {
  readonly version: ProtocolVersion;
  after(outcome: VersionOutcome): void;
}

export function createVersionChoice(): VersionChoice {
  let known = false;
  let version: ProtocolVersion = 5;
  const other = () => (version === 5 ? 4 : 5);
  return {
    get version() {
      return version;
    },
    after(outcome) {
      // Accepted after mere silence, 3.1.1 is a guess: the next connection begins with MQTT 5 again.
      if (outcome === 'accepted') known ||= version === 5;
      else if (outcome === 'refused') {
        known = true;
        version = other();
      } else if (!known) version = outcome === 'no answer' ? other() : 5;
    },
  };
}
