/** Owns what a source text imports, in each way that TypeScript has: values, types, dynamically. */
import ts from "typescript";

export interface Import {
  readonly module: string;
  /** The names imported, `*` for all of them, none for the module's effects. */
  readonly names: readonly string[];
  readonly isType: boolean;
  readonly isDynamic: boolean;
}

export function importsOf(text: string): Import[] {
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const names = namesOf(node.importClause);
      const isType = names.length > 0 && names.every((name) => name.isType);
      add(node.moduleSpecifier, { names: names.map((name) => name.text), isType });
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      add(node.moduleSpecifier, { names: ["*"], isType: node.isTypeOnly });
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument, {
        names: ["*"],
        isType: true,
      });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], { names: ["*"], isType: false, isDynamic: true });
    }
    ts.forEachChild(node, visit);
  };
  const add = (
    specifier: ts.Node | undefined,
    rest: Omit<Import, "module" | "isDynamic"> & { isDynamic?: boolean },
  ) => {
    const module = specifier && ts.isStringLiteral(specifier) ? specifier.text : "(computed)";
    found.push({ module, isDynamic: false, ...rest });
  };
  visit(ts.createSourceFile("source.ts", text, ts.ScriptTarget.Latest));
  return found;
}

function namesOf(clause: ts.ImportClause | undefined): { text: string; isType: boolean }[] {
  if (clause === undefined) return [];
  const isType = clause.phaseModifier === ts.SyntaxKind.TypeKeyword;
  const bindings = clause.namedBindings;
  return [
    ...(clause.name ? [{ text: "default", isType }] : []),
    ...(bindings && ts.isNamespaceImport(bindings) ? [{ text: "*", isType }] : []),
    ...(bindings && ts.isNamedImports(bindings)
      ? bindings.elements.map((element) => ({
          text: (element.propertyName ?? element.name).text,
          isType: isType || element.isTypeOnly,
        }))
      : []),
  ];
}
