import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { isRequirementSlug, requirementOf } from '../../reference-impl/catalogue/catalogue.ts';

/** A statement of a file of cases that has a title: a case, or the function that makes several. */
interface Statement {
  readonly name: string;
  readonly title: string;
  readonly slugs: readonly string[];
  readonly code: string;
}

const folder = join(import.meta.dirname, '../../../suites');

const statements: readonly Statement[] = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.cases.ts'))
  .flatMap((file) => {
    const parts = readFileSync(join(folder, file), 'utf8').split(/\n(?=export |const |function |\/\*\*)/);
    return parts.flatMap((code): Statement[] => {
      const title = /\n\s+title:\s+(['"`])([\s\S]*?)\1,\n/.exec(code)?.[2];
      if (title === undefined) return [];
      const proves = /proves: \{([\s\S]*?)\n? *\},\n/.exec(code)?.[1] ?? '';
      const slugs = [...proves.matchAll(/'([a-z0-9-]+\/[a-z0-9-]+)':/g)].map(([, slug]) => slug ?? '');
      return [{ name: /id:\s+'([^']+)'/.exec(code)?.[1] ?? `${file}: ${title}`, title, slugs, code }];
    });
  });

/** What sends a control: the trial itself, a function of the suites that does, or a write where the device may write. */
const usesTrial = ({ code }: Statement): boolean => /\b(refusal|refuses[A-Z]\w*|writtenBefore)(<[^>]*>)?\(/.test(code);

/** What a title claims of a message, and not of one that was refused before, or may be. */
const claimsRefusal = (title: string): boolean =>
  /\b(is|are) refused\b|\brefuses a\b|\bfails? with E[A-Z]/.test(title) &&
  !/\b(is|are) refused,? or\b|\bor refused\b|\bor (is|are) refused\b|\bthat (is|are) refused\b/.test(title);

interface Rule {
  readonly words: RegExp;
  readonly code: RegExp;
}

/** Words of a title, and what a case with them does. */
const rules: readonly Rule[] = [
  {
    words: /\bends the connection\b|\bcloses the connection\b|\bconnection is closed\b/,
    code: /closed|refusal\(|isOpen|messages\.exchange/,
  },
  { words: /\backnowledged with\b|\banswered with 0\b/, code: /[Aa]cknowledg|wordOf\(|openBackEndChannel|refusal\(/ },
  { words: /\bserves on\b|\bbring the back-end down\b/, code: /stillServes|refusesMessage|serves/ },
  {
    words: /\bstay open\b|\bpile up\b|\bheld no more\b|\bstays open\b/,
    code: /growsNot|resources\(\)|leaksNo|fence\(\)|reply\(/,
  },
  { words: /\b(fresh|restarted) process\b|\bafter a restart of\b/, code: /restart\(\)/ },
  {
    words: /\bwhile (the|a) ring runs\b|\bwhile the device runs\b/,
    code: /attach\(|RingByHand|runningQueue|setState\(|refusesWhileRunning/,
  },
  {
    words: /\bsigna(l|ls|lled)\b/,
    code: /calls\(|errors\(|[Ee]vent|waitForCalls|descriptors\.read|drainCalls|Interrupts\(/,
  },
];

t.test('every file of cases was read', async (t) => {
  t.ok(statements.length > 400, `${statements.length} titles`);
});

t.test('a title that says refused is of a case that sends a control', async (t) => {
  for (const statement of statements) {
    if (claimsRefusal(statement.title)) t.ok(usesTrial(statement), `${statement.name}: ${statement.title}`);
  }
});

/** Requirements whose slug says refused and whose text lets a back-end survive or ignore in place of refusing. */
const lenient =
  /\bor (survived|ignored|closed|changes nothing)\b|not (answered|acknowledged|taken)|without over-reading/;

t.test('a requirement that says refused has a case that sends a control', async (t) => {
  const slugs = [...new Set(statements.flatMap(({ slugs: all }) => all))].filter((slug) => slug.endsWith('-refused'));
  for (const slug of slugs) {
    const text = isRequirementSlug(slug) ? requirementOf(slug).text : '';
    if (lenient.test(text)) continue;
    t.ok(
      statements.some((statement) => statement.slugs.includes(slug) && usesTrial(statement)),
      `${slug}: ${text}`,
    );
  }
});

t.test('a title says what its code does', async (t) => {
  for (const { name, title, code } of statements) {
    const body = code.replace(title, '');
    for (const rule of rules) {
      if (rule.words.test(title)) t.ok(rule.code.test(body), `${name}: ${title}`);
    }
  }
});
