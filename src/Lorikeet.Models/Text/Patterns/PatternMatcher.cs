using System.Buffers;
using System.Text;

namespace Lorikeet.Models.Text.Patterns;

/// <summary>Runs a compiled pattern over a text: backtracking, by code point, with a bound on the steps it may take.</summary>
internal ref struct PatternMatcher
{
    // Patterns that are in use take a few steps a character.
    private const long AlwaysAllowed = 5_000_000;
    private const long AllowedForEach = 400;

    // In numbers: a quarter of a gigabyte.
    private const int MostStack = 1 << 26;

    private const int Branch = 0, Fewer = 1, More = 2, Register = 3;

    [ThreadStatic]
    private static int[]? spareStack;

    private readonly PatternProgram program;
    private readonly ReadOnlySpan<char> text;
    private readonly Span<int> registers;
    private int[] stack;
    private int top;
    private long left;
    private int searchStart;
    private int lookEnd;

    /// <summary>Prepares a search.</summary>
    /// <param name="program">The pattern.</param>
    /// <param name="text">The text, without lone surrogates.</param>
    /// <param name="registers">Room for what the program keeps.</param>
    public PatternMatcher(PatternProgram program, ReadOnlySpan<char> text, Span<int> registers)
    {
        this.program = program;
        this.text = text;
        this.registers = registers;
        stack = spareStack ?? new int[256];
        spareStack = null;
        left = AlwaysAllowed + AllowedForEach * text.Length;
    }

    /// <summary>Adds all matches from left to right, as Oniguruma's own loop finds them: no empty match right behind another.</summary>
    /// <returns>False where it took too many steps.</returns>
    public bool FindAll(List<(int Start, int End)> matches)
    {
        int from = 0, lastEnd = -1;
        while (from <= text.Length && Next(from, out int start, out int end))
        {
            if (start == end && end == lastEnd)
            {
                from += from < text.Length ? UnitsAt(from) : 1;
                continue;
            }
            matches.Add((start, end));
            from = lastEnd = end;
        }
        if (stack.Length <= 1 << 16)
        {
            spareStack = stack;
        }
        return left > 0;
    }

    private bool Next(int from, out int start, out int end)
    {
        searchStart = from;
        for (start = from; start <= text.Length && left > 0; start += start < text.Length ? UnitsAt(start) : 1)
        {
            if (program.First is { } first)
            {
                while (start < text.Length && !first.Has(CodePointAt(start)))
                {
                    start += UnitsAt(start);
                }
                if (start == text.Length)
                {
                    break;
                }
            }
            registers.Fill(-1);
            top = 0;
            end = Run(0, start);
            if (end >= 0)
            {
                return left > 0;
            }
        }
        end = -1;
        return false;
    }

    // From a step on; the end of the match, or -1 with the stack as it was.
    private int Run(int pc, int at)
    {
        int bottom = top;
        while (left > 0)
        {
            left--;
            Step step = program.Steps[pc];
            bool matches = true;
            switch (step.Operation)
            {
                case Operation.Set:
                    matches = at < text.Length && Has(program.Sets[step.A], at);
                    at += matches ? UnitsAt(at) : 0;
                    pc++;
                    break;
                case Operation.Greedy or Operation.Possessive:
                    matches = Repeat(step, ref at, pc + 1);
                    pc++;
                    break;
                case Operation.Lazy:
                    matches = RepeatLazily(step, ref at, pc);
                    pc++;
                    break;
                case Operation.Jump:
                    pc = step.A;
                    break;
                case Operation.Split:
                    Push(Branch, step.B, at, 0);
                    pc = step.A;
                    break;
                case Operation.Save:
                    Push(Register, step.A, registers[step.A], 0);
                    registers[step.A] = at;
                    pc++;
                    break;
                case Operation.LeaveIfEmpty:
                    pc = registers[step.A] == at ? step.B : pc + 1;
                    break;
                case Operation.Anchor:
                    matches = IsAt((AnchorKind)step.A, at);
                    pc++;
                    break;
                case Operation.Look:
                    matches = Look(step, pc + 1, at);
                    pc = step.A;
                    break;
                case Operation.Atomic:
                    int outside = top;
                    int end = Run(pc + 1, at);
                    matches = end >= 0;
                    at = matches ? end : at;
                    Commit(outside);
                    pc = step.A;
                    break;
                case Operation.EndOfLook:
                    matches = at == lookEnd;
                    pc++;
                    break;
                case Operation.BackReference:
                    matches = Again(step, ref at);
                    pc++;
                    break;
                default:
                    return at;
            }
            if (!matches && !Back(bottom, ref pc, ref at))
            {
                return -1;
            }
        }
        return -1;
    }

    private bool Back(int bottom, ref int pc, ref int at)
    {
        while (top > bottom)
        {
            top -= 4;
            (int kind, int a, int b, int c) = (stack[top], stack[top + 1], stack[top + 2], stack[top + 3]);
            switch (kind)
            {
                case Register:
                    registers[a] = b;
                    continue;
                case Branch:
                    (pc, at) = (a, b);
                    return true;
                case Fewer:
                    at = b - (char.IsLowSurrogate(text[b - 1]) ? 2 : 1);
                    if (at > c)
                    {
                        Push(Fewer, a, at, c);
                    }
                    pc = a;
                    return true;
                default:
                    Step step = program.Steps[a];
                    if (b >= text.Length || !Has(program.Sets[step.A], b))
                    {
                        continue;
                    }
                    at = b + UnitsAt(b);
                    if (c + 1 < step.C)
                    {
                        Push(More, a, at, c + 1);
                    }
                    pc = a + 1;
                    return true;
            }
        }
        return false;
    }

    private bool Repeat(Step step, ref int at, int next)
    {
        CharacterSet set = program.Sets[step.A];
        int count = 0, least = at;
        int from = at;
        while (count < step.C && at < text.Length && Has(set, at))
        {
            at += UnitsAt(at);
            if (++count == step.B)
            {
                least = at;
            }
        }
        left -= at - from;
        if (count < step.B)
        {
            return false;
        }
        if (step.Operation == Operation.Greedy && at > least)
        {
            Push(Fewer, next, at, least);
        }
        return true;
    }

    private bool RepeatLazily(Step step, ref int at, int pc)
    {
        CharacterSet set = program.Sets[step.A];
        for (int count = 0; count < step.B; count++)
        {
            if (at >= text.Length || !Has(set, at))
            {
                return false;
            }
            at += UnitsAt(at);
        }
        if (step.B < step.C)
        {
            Push(More, pc, at, step.B);
        }
        return true;
    }

    private bool Look(Step step, int body, int at)
    {
        bool negative = (step.B & 2) != 0;
        int bottom = top;
        bool found = (step.B & 1) == 0 ? Run(body, at) >= 0 : LookBehind(step, body, at);
        if (!found)
        {
            return negative;
        }
        if (!negative)
        {
            Commit(bottom);
            return true;
        }
        int pc = 0;
        while (Back(bottom, ref pc, ref at))
        {
            // Registers come back on the way.
        }
        return false;
    }

    // From each place that is far enough back, so that the match ends here.
    private bool LookBehind(Step step, int body, int at)
    {
        int outer = lookEnd;
        lookEnd = at;
        int start = at;
        bool found = false;
        for (int length = 0; !found && length <= step.D; length++)
        {
            found = length >= step.C && Run(body, start) >= 0;
            if (start == 0)
            {
                break;
            }
            start -= char.IsLowSurrogate(text[start - 1]) ? 2 : 1;
        }
        lookEnd = outer;
        return found;
    }

    // Keeps what was remembered since, and drops the other ways.
    private void Commit(int bottom)
    {
        int to = bottom;
        for (int from = bottom; from < top; from += 4)
        {
            if (stack[from] == Register)
            {
                stack.AsSpan(from, 4).CopyTo(stack.AsSpan(to));
                to += 4;
            }
        }
        top = to;
    }

    private bool Again(Step step, ref int at)
    {
        int start = registers[step.A * 2], end = registers[step.A * 2 + 1];
        if (start < 0 || end < start)
        {
            return false;
        }
        ReadOnlySpan<char> group = text[start..end];
        left -= group.Length;
        StringComparison comparison = step.B == 1 ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        bool matches = text[at..].StartsWith(group, comparison);
        at += matches ? group.Length : 0;
        return matches;
    }

    private readonly bool IsAt(AnchorKind kind, int at) => kind switch
    {
        AnchorKind.LineStart => at == 0 || (text[at - 1] == '\n' && at < text.Length),
        AnchorKind.LineEnd => at == text.Length || text[at] == '\n',
        AnchorKind.TextStart => at == 0,
        AnchorKind.TextEnd => at == text.Length,
        AnchorKind.TextEndOrLastLine => at == text.Length || (at == text.Length - 1 && text[at] == '\n'),
        AnchorKind.SearchStart => at == searchStart,
        _ => (IsWordBefore(at) != IsWordBehind(at)) == (kind == AnchorKind.WordBoundary),
    };

    private readonly bool IsWordBefore(int at) =>
        at > 0 && Rune.DecodeLastFromUtf16(text[..at], out Rune rune, out _) == OperationStatus.Done && Properties.Word.Has(rune.Value);

    private readonly bool IsWordBehind(int at) => at < text.Length && Properties.Word.Has(CodePointAt(at));

    private readonly bool Has(CharacterSet set, int at) =>
        char.IsHighSurrogate(text[at]) && at + 1 < text.Length ? set.Has(char.ConvertToUtf32(text[at], text[at + 1])) : set.Has(text[at]);

    private readonly int CodePointAt(int at) => char.IsHighSurrogate(text[at]) && at + 1 < text.Length ? char.ConvertToUtf32(text[at], text[at + 1]) : text[at];

    private readonly int UnitsAt(int at) => char.IsHighSurrogate(text[at]) && at + 1 < text.Length ? 2 : 1;

    private void Push(int kind, int a, int b, int c)
    {
        if (top + 4 > stack.Length)
        {
            if (stack.Length >= MostStack)
            {
                left = 0;
                return;
            }
            Array.Resize(ref stack, stack.Length * 2);
        }
        stack[top] = kind;
        stack[top + 1] = a;
        stack[top + 2] = b;
        stack[top + 3] = c;
        top += 4;
    }
}
