/** The names that options have, and the options that were given, under whichever name. */
import { nearestName } from "./misspelling.js";
import type { CommonOptions, EnglishOptions, PortugueseOptions } from "./public.js";

/** The other name of each option that has two. */
const ALIASES: Readonly<Record<keyof PortugueseOptions, keyof EnglishOptions>> = {
  pasta: "directory",
  colecao: "collection",
  modoDuravel: "durable",
  limiteWAL: "walLimit",
  ttlPadraoMs: "ttlMs",
  intervaloLimpezaMs: "gcInterval",
  compactarAposLimpeza: "compactAfterGc",
  chaveEncriptacao: "encryptionKey",
};

const ONE_NAME: readonly (keyof CommonOptions)[] = [
  "ttl",
  "debug",
  "isolate",
  "disableTouch",
  "disableTTL",
  "serializer",
  "maxPendingBytes",
];

/** Every name that an option has. */
export const OPTION_NAMES: readonly string[] = [...Object.entries(ALIASES).flat(), ...ONE_NAME];

/**
 * Options as they were given, under whichever name. An undefined one counts as not given, but for the
 * key: a variable of the environment that is not set must not mean plaintext.
 */
export class Given {
  readonly #values = new Map<string, { name: string; value: unknown }>();

  constructor(options: Record<string, unknown>) {
    for (const [name, value] of Object.entries(options)) {
      if (!OPTION_NAMES.includes(name)) {
        throw new TypeError(
          `unknown option "${name}"${hint(name)} Known options: ${OPTION_NAMES.join(", ")}`,
        );
      }
      const canonical = Object.hasOwn(ALIASES, name)
        ? ALIASES[name as keyof PortugueseOptions]
        : name;
      if (value === undefined && canonical !== "encryptionKey") continue;
      const other = this.#values.get(canonical);
      if (other !== undefined) {
        throw new TypeError(`options "${other.name}" and "${name}" are the same option: give one`);
      }
      this.#values.set(canonical, { name, value });
    }
  }

  /** The value, and the name under which to speak of it. */
  get(canonical: string): { name: string; value: unknown } {
    return this.#values.get(canonical) ?? { name: canonical, value: undefined };
  }

  has(canonical: string): boolean {
    return this.#values.has(canonical);
  }

  string(canonical: string): { name: string; value: string | undefined } {
    return this.#typed(canonical, "string") as { name: string; value: string | undefined };
  }

  boolean(canonical: string, byDefault: boolean): boolean {
    return (this.#typed(canonical, "boolean").value as boolean | undefined) ?? byDefault;
  }

  number(canonical: string, min: number, max: number): { name: string; value: number | undefined } {
    const typed = this.#typed(canonical, "number");
    const { name, value } = typed as { name: string; value: number | undefined };
    // The comparison is written so that NaN fails it.
    if (value !== undefined && !(value >= min && value < max)) {
      const least = min === Number.MIN_VALUE ? "greater than 0" : `at least ${min}`;
      throw new RangeError(`option "${name}" must be a finite number ${least}, got ${value}`);
    }
    return { name, value };
  }

  integer(canonical: string, min: number): number | undefined {
    const { name, value } = this.number(canonical, min, Infinity);
    if (value !== undefined && !Number.isSafeInteger(value)) {
      throw new RangeError(`option "${name}" must be a whole number, got ${value}`);
    }
    return value;
  }

  #typed(canonical: string, type: string): { name: string; value: unknown } {
    const { name, value } = this.get(canonical);
    if (value !== undefined && typeof value !== type) {
      throw new TypeError(`option "${name}" must be a ${type}, got ${describeType(value)}`);
    }
    return { name, value };
  }
}

function hint(name: string): string {
  const nearest = nearestName(name, OPTION_NAMES);
  return nearest === null ? "." : `, did you mean "${nearest}"?`;
}

/** What a value is, without showing it: it may be a secret. */
export function describeType(value: unknown): string {
  return value === null
    ? "null"
    : Array.isArray(value)
      ? "an array"
      : `a value of type ${typeof value}`;
}
