/** The version of Relais; that of the root's `package.json`, which an image need not have. */
export const VERSION = '0.1.0'
