/** Bundlers hand a migration over as text. */
declare module "*.sql" {
  const sql: string;
  export default sql;
}
