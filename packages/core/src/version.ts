/** The version of Relais: that of the packages. */
export const VERSION = '0.1.0'
