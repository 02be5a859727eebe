/**
 * The protocol by which several processes share a collection, as a model: every order of the steps of
 * two clients, of the owners that follow each other, and of what may befall these. Whatever happens,
 * what the clients were told must be what one memory would have told them.
 */
import { expect, it } from "vitest";

interface Rules {
  /** A write has a token in its record, and is not executed again by an owner that finds it. */
  readonly tokens: boolean;
  /** A write is answered only if the lock is still the owner's after its fsync. */
  readonly fence: boolean;
  /** An owner that was stopped for long looks at the lock before it answers a read. */
  readonly look: boolean;
  /** A read of what another client has written waits until that is committed. */
  readonly committed: boolean;
  /** Who takes the lock of an owner that may live copies the journal into a new file. */
  readonly freshJournal: boolean;
}

const FAULTS = process.env["FAULTS"] === "long" ? 3 : 2;

/** When a call is answered that has not been. */
const NEVER = 1e9;

const ALL: Rules = { tokens: true, fence: true, look: true, committed: true, freshJournal: true };

/** An operation of a client: a read of a key, or a write of a value to it. */
interface Operation {
  readonly key: string;
  readonly value?: number;
}

interface Entry {
  readonly key: string;
  readonly value: number;
  readonly token: string;
}

interface Owner {
  condition: "running" | "stopped" | "dead" | "disowned";
  /** Which file it has open as the journal, and where it appends. */
  journal: number;
  end: number;
  memory: Entry[];
  /** The write that is being committed, and how far it is. */
  commit: { readonly client: number; readonly entry: Entry; isWritten: boolean } | null;
}

interface Client {
  /** Which operation is next or under way, and whether it has been sent. */
  at: number;
  isSent: boolean;
  /** The owner that it is connected to. */
  owner: number;
}

/** When it was called and answered, and what a read found. */
interface Call {
  readonly called: number;
  answered: number;
  found: number | null;
}

interface State {
  files: (Entry | null)[][];
  /** The file that has the name of the journal. */
  named: number;
  /** Who holds the lock: the last of these. */
  owners: Owner[];
  clients: Client[];
  calls: Call[][];
  time: number;
  faultsLeft: number;
}

type Programs = readonly (readonly Operation[])[];

function explore(programs: Programs, rules: Rules): State | null {
  const clients = programs.map(() => ({ at: 0, isSent: false, owner: 0 }));
  const first: State = {
    files: [[]],
    named: 0,
    owners: [{ condition: "running", journal: 0, end: 0, memory: [], commit: null }],
    clients,
    calls: programs.map(() => []),
    time: 0,
    faultsLeft: FAULTS,
  };
  const seen = new Set<string>();
  const open = [first];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const key = JSON.stringify(state);
    if (seen.has(key)) continue;
    seen.add(key);
    if (isOver(state, programs) && !isOneMemory(state, programs)) return state;
    open.push(...steps(state, programs, rules));
  }
  return null;
}

function isOver({ clients }: State, programs: Programs): boolean {
  return clients.every(({ at }, index) => at === programs[index]!.length);
}

/** Every state that may follow. */
function steps(state: State, programs: Programs, rules: Rules): State[] {
  const found: State[] = [];
  const step = (change: (next: State) => void): void => {
    const next = JSON.parse(JSON.stringify(state)) as State;
    change(next);
    found.push(next);
  };
  const holder = state.owners.length - 1;
  state.clients.forEach((client, index) => {
    const operation = programs[index]![client.at];
    const owner = state.owners[client.owner]!;
    if (operation === undefined) return;
    if (!client.isSent) step((next) => send(next, index));
    else if (owner.condition === "running") {
      const isHeld = operation.value !== undefined || rules.committed;
      if (owner.commit === null || !isHeld) step((next) => execute(next, index, operation, rules));
    } else if (client.owner !== holder) step((next) => (next.clients[index]!.owner = holder));
  });
  state.owners.forEach((owner, index) => {
    const { condition, commit } = owner;
    if (condition === "stopped") step((next) => (next.owners[index]!.condition = "running"));
    if (condition !== "running") return;
    if (commit !== null) step((next) => goOn(next, index, rules));
    if (state.faultsLeft === 0) return;
    step((next) => fault(next, index, "stopped"));
    step((next) => fault(next, index, "dead"));
  });
  if (state.owners[holder]!.condition !== "running") step((next) => takeOver(next, rules));
  return found.filter(({ owners }) => owners.length <= 3);
}

function fault(state: State, owner: number, condition: "stopped" | "dead"): void {
  state.owners[owner]!.condition = condition;
  state.faultsLeft--;
}

function send(state: State, index: number): void {
  state.clients[index]!.isSent = true;
  state.calls[index]!.push({ called: state.time++, answered: NEVER, found: null });
}

function execute(state: State, client: number, { key, value }: Operation, rules: Rules): void {
  const { owner: index, at } = state.clients[client]!;
  const owner = state.owners[index]!;
  const token = `${client}.${at}`;
  if (value === undefined) {
    if (rules.look && isDisowned(state, index)) owner.condition = "disowned";
    else answer(state, client, valueIn(owner.memory, key));
  } else if (rules.tokens && owner.memory.some((entry) => entry.token === token)) {
    answer(state, client, null);
  } else {
    const entry = { key, value, token };
    owner.memory.push(entry);
    owner.commit = { client, entry, isWritten: false };
  }
}

/** A commit is written, and fsynced; then it is answered. A process may be stopped in between. */
function goOn(state: State, index: number, rules: Rules): void {
  const owner = state.owners[index]!;
  const commit = owner.commit!;
  if (!commit.isWritten) {
    commit.isWritten = true;
    state.files[owner.journal]![owner.end++] = commit.entry;
    return;
  }
  owner.commit = null;
  if (rules.fence && isDisowned(state, index)) owner.condition = "disowned";
  else if (state.clients[commit.client]!.owner === index) answer(state, commit.client, null);
}

function isDisowned({ owners }: State, index: number): boolean {
  return index !== owners.length - 1;
}

function answer(state: State, index: number, found: number | null): void {
  const client = state.clients[index]!;
  const call = state.calls[index]![client.at]!;
  call.answered = state.time++;
  call.found = found;
  client.at++;
  client.isSent = false;
}

function takeOver(state: State, rules: Rules): void {
  const isProvenDead = state.owners.at(-1)!.condition === "dead";
  if (rules.freshJournal && !isProvenDead) {
    state.named = state.files.push([...state.files[state.named]!]) - 1;
  }
  const entries = state.files[state.named]!.filter((entry) => entry !== null);
  state.owners.push({
    condition: "running",
    journal: state.named,
    end: state.files[state.named]!.length,
    memory: entries,
    commit: null,
  });
}

function valueIn(entries: readonly (Entry | null)[], key: string): number | null {
  return entries.findLast((entry) => entry?.key === key)?.value ?? null;
}

/** Whether one memory could have answered so, and would hold now what the journal holds. */
function isOneMemory(state: State, programs: Programs): boolean {
  const all = programs.flatMap((program, index) =>
    program.map((operation, at) => ({ ...operation, ...state.calls[index]![at]! })),
  );
  return [...new Set(all.map(({ key }) => key))].every((key) => {
    const last = valueIn(state.files[state.named]!, key);
    const read = { key, called: state.time, answered: NEVER, found: last };
    return hasOrder([...all.filter((call) => call.key === key), read], null);
  });
}

function hasOrder(left: readonly (Operation & Call)[], held: number | null): boolean {
  if (left.length === 0) return true;
  const end = Math.min(...left.map(({ answered }) => answered));
  return left.some((call) => {
    if (call.called > end || (call.value === undefined && call.found !== held)) return false;
    const rest = left.filter((other) => other !== call);
    return hasOrder(rest, call.value ?? held);
  });
}

const A: Operation = { key: "x", value: 1 };
const READ: Operation = { key: "x" };
const ONE_SESSION: Programs = [[A], [READ, { key: "x", value: 2 }]];
const READ_TWICE: Programs = [[A], [READ, READ]];
const TWO_SESSIONS: Programs = [[A], [{ key: "y", value: 2 }, { key: "y" }]];

it.each([
  ["of one session", ONE_SESSION],
  ["of a session that is read", READ_TWICE],
  ["of two sessions", TWO_SESSIONS],
])("clients %s are told what one memory would have told them", (_, programs) => {
  expect(explore(programs, ALL)).toBeNull();
});

it.each<[string, Programs, keyof Rules]>([
  ["what is sent again undoes a later write without tokens", ONE_SESSION, "tokens"],
  ["an acknowledged write is lost without the fence after the fsync", READ_TWICE, "fence"],
  ["a late write destroys another if the journal is not fresh", TWO_SESSIONS, "freshJournal"],
  ["what is read may never have been if it was not committed", READ_TWICE, "committed"],
  ["an owner that was stopped serves what is old without a look", READ_TWICE, "look"],
])("%s", (_, programs, rule) => {
  expect(explore(programs, { ...ALL, [rule]: false })).not.toBeNull();
});
