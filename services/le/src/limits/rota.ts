import type { Lane } from '@tenma/store';

/** A lane that may have due tasks. */
export interface Turn {
  readonly lane: Lane;
  /** There may be urgent ones among them. */
  readonly urgent: boolean;
}

/**
 * Lanes that may have due tasks, in the order of their turns: those with urgent ones first, else as they came. Those
 * that wait for something to go stand aside in the same order; so thousands of them cost nothing while they wait.
 */
export interface Rota {
  /** At the end, unless it is in already; one that stands aside stays there, but for one that is urgent only now. */
  add(turn: Turn): void;
  /** Takes out the one whose turn it is. */
  next(): Turn | undefined;
  setAside(turn: Turn, obstacle: string): void;
  /** The first that stands aside for it takes its turn again. */
  recallOne(obstacle: string): void;
  recall(lane: Lane): void;
  recallAll(): void;
  clear(): void;
}

export function createRota(): Rota {
  const turns = createLine();
  const aside = new Map<string, Line>();
  const obstacleOf = new Map<string, string>();

  function recall(lane: Lane): void {
    const key = rotaKey(lane);
    const obstacle = obstacleOf.get(key);
    if (obstacle === undefined) return;
    obstacleOf.delete(key);
    const others = aside.get(obstacle);
    const turn = others?.take(key);
    if (others && !others.first()) aside.delete(obstacle);
    if (turn) turns.put(turn);
  }

  return {
    add(turn) {
      const key = rotaKey(turn.lane);
      const obstacle = obstacleOf.get(key);
      if (obstacle === undefined) return turns.put(turn);
      if (!turn.urgent || aside.get(obstacle)?.get(key)?.urgent) return;
      recall(turn.lane);
      turns.put(turn);
    },
    next() {
      const first = turns.first();
      return first && turns.take(rotaKey(first.lane));
    },
    setAside(turn, obstacle) {
      const key = rotaKey(turn.lane);
      // It may have been added anew during its turn.
      turns.take(key);
      obstacleOf.set(key, obstacle);
      const others = aside.get(obstacle) ?? createLine();
      others.put(turn);
      aside.set(obstacle, others);
    },
    recallOne(obstacle) {
      const first = aside.get(obstacle)?.first();
      if (first) recall(first.lane);
    },
    recall,
    recallAll() {
      const all = Array.from(aside.values(), (line) => line.all()).flat();
      for (const { lane } of all) recall(lane);
    },
    clear() {
      turns.clear();
      aside.clear();
      obstacleOf.clear();
    },
  };
}

/** Each lane stands in it once: where its first turn stood, or behind the urgent ones from when it has such. */
interface Line {
  put(turn: Turn): void;
  get(key: string): Turn | undefined;
  first(): Turn | undefined;
  take(key: string): Turn | undefined;
  all(): Turn[];
  clear(): void;
}

function createLine(): Line {
  const urgent = new Map<string, Turn>();
  const usual = new Map<string, Turn>();
  const get = (key: string) => urgent.get(key) ?? usual.get(key);
  return {
    put(turn) {
      const key = rotaKey(turn.lane);
      if (urgent.has(key)) return;
      if (turn.urgent) usual.delete(key);
      const among = turn.urgent ? urgent : usual;
      if (!among.has(key)) among.set(key, turn);
    },
    get,
    first() {
      for (const turn of urgent.values()) return turn;
      for (const turn of usual.values()) return turn;
      return undefined;
    },
    take(key) {
      const turn = get(key);
      urgent.delete(key);
      usual.delete(key);
      return turn;
    },
    all: () => [...urgent.values(), ...usual.values()],
    clear() {
      urgent.clear();
      usual.clear();
    },
  };
}

/** A limit key may hold any character. */
function rotaKey({ type, region, limitKey }: Lane): string {
  return `${type}/${region}/${limitKey}`;
}
