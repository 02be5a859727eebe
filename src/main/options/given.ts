/** The options that were given, under either of their names, and the types of their values. */
import { CERTAIN, hintOf, nearestName } from "./misspelling.js";
import { counterpart } from "./other-names.js";
import type { CommonOptions, EnglishOptions, PortugueseOptions } from "./public.js";

/** An option by its English or only name. */
type OptionName = keyof EnglishOptions | keyof CommonOptions;

/** The English name of each option that also has a Portuguese one. */
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

const COMMON_NAMES: readonly (keyof CommonOptions)[] = [
  "ttl",
  "absoluteTtl",
  "userOf",
  "debug",
  "isolate",
  "disableTouch",
  "disableTTL",
  "serializer",
  "maxPendingBytes",
  "maxBytes",
  "resourceLimits",
  "maxPendingMs",
  "redis",
  "failAfterMs",
  "replicas",
  "share",
  "migrateFrom",
];

/** All accepted option names. */
const OPTION_NAMES: readonly string[] = [...Object.entries(ALIASES).flat(), ...COMMON_NAMES];

/** The value of an option, and the name under which it was given, for messages. */
interface GivenOption<T> {
  readonly name: string;
  readonly value: T;
}

/**
 * The options that were given. An undefined value is treated as absent, except for the encryption
 * key: an environment variable that is not set must not turn encryption off.
 */
export class Given {
  readonly #options = new Map<string, GivenOption<unknown>>();

  constructor(options: Record<string, unknown>) {
    for (const [name, value] of Object.entries(options)) {
      if (!OPTION_NAMES.includes(name)) throw unknownOption(name);
      const canonical = (ALIASES as Readonly<Partial<Record<string, string>>>)[name] ?? name;
      if (value === undefined && canonical !== "encryptionKey") continue;
      const other = this.#options.get(canonical);
      if (other !== undefined) {
        throw new TypeError(
          `options "${other.name}" and "${name}" are the same option: give only one of them`,
        );
      }
      this.#options.set(canonical, { name, value });
    }
  }

  /** The option, of whatever type. */
  get(option: OptionName): GivenOption<unknown> {
    return this.#options.get(option) ?? { name: option, value: undefined };
  }

  has(option: OptionName): boolean {
    return this.#options.has(option);
  }

  /** @throws TypeError if it is not a string */
  string(option: OptionName): GivenOption<string | undefined> {
    return this.#typed(option, "string") as GivenOption<string | undefined>;
  }

  /** @throws TypeError if it is not a boolean */
  boolean(option: OptionName, defaultValue: boolean): boolean {
    return (this.#typed(option, "boolean").value as boolean | undefined) ?? defaultValue;
  }

  /**
   * A number from `min`, less than `max`.
   * @throws TypeError, RangeError
   */
  number(option: OptionName, min: number, max: number): GivenOption<number | undefined> {
    const { name, value } = this.#typed(option, "number") as GivenOption<number | undefined>;
    // Written so that NaN fails it.
    if (value !== undefined && !(value >= min && value < max)) {
      const least = min === Number.MIN_VALUE ? "greater than 0" : `at least ${min}`;
      const most = max === Infinity ? "" : ` and less than ${max}`;
      throw new RangeError(
        `option "${name}" must be a finite number ${least}${most}, got ${value}`,
      );
    }
    return { name, value };
  }

  /**
   * A whole number from `min`, less than `max`.
   * @throws TypeError, RangeError
   */
  integer(option: OptionName, min: number, max = Infinity): number | undefined {
    const { name, value } = this.number(option, min, max);
    if (value !== undefined && !Number.isSafeInteger(value)) {
      throw new RangeError(`option "${name}" must be a whole number, got ${value}`);
    }
    return value;
  }

  #typed(option: OptionName, type: "string" | "boolean" | "number"): GivenOption<unknown> {
    const { name, value } = this.get(option);
    if (value !== undefined && typeof value !== type) {
      throw new TypeError(`option "${name}" must be a ${type}, got ${describeType(value)}`);
    }
    return { name, value };
  }
}

/**
 * Picks the options out of the configuration of something else.
 * @throws TypeError for what is an option but for its spelling: an `encryptionkey` that is ignored
 *   would leave the files in plaintext
 */
export function pickOptions(configuration: object): Record<string, unknown> {
  const given = Object.entries(configuration).filter(([name]) => {
    if (OPTION_NAMES.includes(name)) return true;
    if (nearestName(name, OPTION_NAMES, CERTAIN) !== null) throw unknownOption(name);
    return false;
  });
  return Object.fromEntries(given);
}

function unknownOption(name: string): TypeError {
  const here = counterpart(name);
  const hint = here === null ? hintOf(name, OPTION_NAMES) : `, which is called ${here} here.`;
  return new TypeError(`unknown option "${name}"${hint} Known options: ${OPTION_NAMES.join(", ")}`);
}

/** The type of a value, for messages. Never the value itself: it may be a secret. */
export function describeType(value: unknown): string {
  return value === null
    ? "null"
    : Array.isArray(value)
      ? "an array"
      : `a value of type ${typeof value}`;
}
