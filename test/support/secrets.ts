/** Owns the texts of tests that must not be found where they do not belong. */

export const KEY = "correct horse battery staple";
export const SECRET_BODY = "the body of a session";
