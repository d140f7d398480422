using System.Text;

namespace Lorikeet.Server;

/// <summary>
/// Reads a grammar as clients write it: <c>root ::= "yes" | "no" digit+</c>, rules by line, with texts, character classes, groups, <c>* + ?</c>
/// and <c>{m,n}</c>, comments after <c>#</c>. The first rule is named <c>root</c>.
/// </summary>
internal sealed class BnfGrammar
{
    private const int MostDepth = 100;
    private readonly GrammarBuilder builder;
    private readonly string text;
    private readonly Dictionary<string, int> rules = [];
    private readonly HashSet<string> defined = [];
    private int at;

    private BnfGrammar(GrammarBuilder builder, string text)
    {
        this.builder = builder;
        this.text = text;
    }

    /// <summary>The element of the grammar's root.</summary>
    /// <exception cref="GrammarException">The grammar is broken.</exception>
    public static GrammarElement Compile(GrammarBuilder builder, string text)
    {
        BnfGrammar parser = new(builder, text);
        parser.Read();
        return GrammarElement.Of(parser.rules["root"]);
    }

    private void Read()
    {
        Skip(lines: true);
        while (at < text.Length)
        {
            string name = Name();
            Skip(lines: false);
            if (!text.AsSpan(at).StartsWith("::="))
            {
                throw Bad($"expected '::=' after '{name}'");
            }
            at += 3;
            if (!defined.Add(name))
            {
                throw Bad($"the rule '{name}' is written twice");
            }
            int rule = Rule(name);
            foreach (GrammarElement[] alternative in Alternatives(0))
            {
                builder.Add(rule, alternative);
            }
            Skip(lines: true);
        }
        if (!defined.Contains("root"))
        {
            throw new GrammarException("the grammar has no rule 'root'");
        }
        if (rules.Keys.FirstOrDefault(r => !defined.Contains(r)) is { } missing)
        {
            throw new GrammarException($"the grammar uses the rule '{missing}', which it does not have");
        }
    }

    private int Rule(string name)
    {
        if (!rules.TryGetValue(name, out int rule))
        {
            rules[name] = rule = builder.Declare();
        }
        return rule;
    }

    private List<GrammarElement[]> Alternatives(int depth)
    {
        if (depth > MostDepth)
        {
            throw Bad($"groups are nested deeper than {MostDepth}");
        }
        List<GrammarElement[]> alternatives = [];
        List<GrammarElement> sequence = [];
        while (true)
        {
            Skip(lines: depth > 0);
            // A line that begins with '|' goes on with the rule.
            if (depth == 0 && at < text.Length && text[at] is '\n' or '\r')
            {
                int line = at;
                Skip(lines: true);
                if (at >= text.Length || text[at] != '|')
                {
                    at = line;
                    break;
                }
            }
            if (at >= text.Length || text[at] == ')')
            {
                break;
            }
            if (text[at] == '|')
            {
                at++;
                alternatives.Add([.. sequence]);
                sequence.Clear();
                Skip(lines: true);
                continue;
            }
            sequence.Add(Repeated(Atom(depth)));
        }
        alternatives.Add([.. sequence]);
        return alternatives;
    }

    private GrammarElement Atom(int depth)
    {
        char c = text[at];
        if (c == '(')
        {
            at++;
            GrammarElement group = builder.Choice(Alternatives(depth + 1));
            if (at >= text.Length || text[at] != ')')
            {
                throw Bad("'(' without ')'");
            }
            at++;
            return group;
        }
        if (c == '"')
        {
            return builder.Sequence(GrammarBuilder.Text(Quoted()));
        }
        if (c == '[' || c == '.')
        {
            // A class is one of regular expressions.
            int end = c == '.' ? at + 1 : ClassEnd();
            string pattern = text[at..end];
            at = end;
            return RegexGrammar.Compile(builder, pattern == "." ? "[\\s\\S]" : pattern);
        }
        return GrammarElement.Of(Rule(Name()));
    }

    private GrammarElement Repeated(GrammarElement atom)
    {
        while (at < text.Length && text[at] is '*' or '+' or '?' or '{')
        {
            char c = text[at++];
            int least = c == '+' ? 1 : 0;
            int? most = c == '?' ? 1 : null;
            if (c == '{')
            {
                int close = text.IndexOf('}', at);
                string[] parts = (close < 0 ? throw Bad("'{' without '}'") : text[at..close]).Split(',');
                at = close + 1;
                if (parts.Length > 2 || !int.TryParse(parts[0].Trim(), out least) || least < 0)
                {
                    throw Bad("a repetition is {n}, {n,} or {n,m}");
                }
                most = parts.Length == 1 ? least : parts[1].Trim().Length == 0 ? null : int.TryParse(parts[1].Trim(), out int upper) && upper >= least ? upper : throw Bad("a repetition is {n}, {n,} or {n,m}");
            }
            if (least > builder.Limits.Repetitions || most > builder.Limits.Repetitions)
            {
                throw new GrammarException($"a repetition of {Math.Max(least, most ?? 0)}; the limit is {builder.Limits.Repetitions}") { IsLimit = true };
            }
            atom = builder.Repeat(atom, least, most);
        }
        return atom;
    }

    private string Quoted()
    {
        StringBuilder value = new();
        for (at++; at < text.Length && text[at] != '"'; at++)
        {
            if (text[at] != '\\')
            {
                value.Append(text[at]);
                continue;
            }
            at++;
            char c = at < text.Length ? text[at] : throw Bad("a text has no end");
            int digits = c switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
            if (digits == 0)
            {
                value.Append(c switch { 'n' => '\n', 'r' => '\r', 't' => '\t', _ => c });
                continue;
            }
            if (at + digits >= text.Length || !int.TryParse(text.AsSpan(at + 1, digits), System.Globalization.NumberStyles.AllowHexSpecifier, null, out int code) || !Rune.IsValid(code))
            {
                throw Bad("an escape is no character");
            }
            value.Append(new Rune(code).ToString());
            at += digits;
        }
        if (at >= text.Length)
        {
            throw Bad("a text has no end");
        }
        at++;
        return value.ToString();
    }

    private int ClassEnd()
    {
        for (int i = at + 1; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                i++;
            }
            else if (text[i] == ']' && i > at + 1)
            {
                return i + 1;
            }
        }
        throw Bad("'[' without ']'");
    }

    private string Name()
    {
        int start = at;
        while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] is '-' or '_'))
        {
            at++;
        }
        return at > start ? text[start..at] : throw Bad($"found '{text[at]}'; expected a rule's name, a text, a class or a group");
    }

    private void Skip(bool lines)
    {
        while (at < text.Length)
        {
            if (text[at] == '#')
            {
                while (at < text.Length && text[at] != '\n')
                {
                    at++;
                }
            }
            else if (text[at] is ' ' or '\t' || (lines && text[at] is '\n' or '\r'))
            {
                at++;
            }
            else
            {
                return;
            }
        }
    }

    private GrammarException Bad(string what) => new($"the grammar at character {Math.Min(at, text.Length) + 1}: {what}");
}
