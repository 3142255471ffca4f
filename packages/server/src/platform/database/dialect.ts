/** The SQL dialects that every store is written for and tested on. */
export type Dialect = 'sqlite' | 'postgres'
