// Of the packages that only bench/ installs: patterns are for where a module is not found.
declare module "@observablehq/*";
declare module "@sailscastshq/*";
declare module "connect-redis*";
declare module "linkedom*";
declare module "redis*";
declare module "session-file-store*";
declare module "undici*";
