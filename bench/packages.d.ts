// Of the packages that only bench/ installs: patterns are for where a module is not found.
declare module "@sailscastshq/*";
declare module "connect-redis*";
declare module "redis*";
declare module "session-file-store*";
declare module "undici*";
