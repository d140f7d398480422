namespace Lorikeet.Models.Text.Templates;

/// <summary><c>center</c>, <c>ljust</c>, <c>zfill</c>, <c>expandtabs</c>: widths are code points.</summary>
internal static class StringPadding
{
    public static (int Before, int After) Left(int missing, int width) => (0, missing);

    public static (int Before, int After) Right(int missing, int width) => (missing, 0);

    // Where it cannot be even, CPython puts the odd one left if the width is odd.
    public static (int Before, int After) Center(int missing, int width)
    {
        int before = (missing / 2) + (missing & width & 1);
        return (before, missing - before);
    }

    public static Value Pad(Interpreter run, StringValue self, Bound a, Func<int, int, (int Before, int After)> share)
    {
        string fill = a[1] is null ? " " : a.Text(1) is { } given && CodePoints.Count(given) == 1 ? given
            : throw Raise.Runtime("The fill character must be exactly one character long");
        return Pad(run, self, a.Number(0, 0), fill, share);
    }

    public static StringValue Pad(Interpreter run, StringValue self, int width, string fill, Func<int, int, (int Before, int After)> share)
    {
        int missing = width - self.Count;
        if (missing <= 0)
        {
            return self;
        }
        (int before, int after) = share(missing, width);
        TextBuilder to = new(run.Budget);
        Fill(to, fill, before);
        to.Append(self.Text);
        Fill(to, fill, after);
        return self.Like(to.ToString());
    }

    public static Value ZeroFill(Interpreter run, StringValue self, Bound a)
    {
        int missing = a.Number(0, 0) - self.Count;
        if (missing <= 0)
        {
            return self;
        }
        int sign = self.Text.Length > 0 && self.Text[0] is '+' or '-' ? 1 : 0;
        return self.Like(new TextBuilder(run.Budget).Append(self.Text.AsSpan(0, sign)).Append('0', missing).Append(self.Text.AsSpan(sign)).ToString());
    }

    public static Value ExpandTabs(Interpreter run, StringValue self, Bound a)
    {
        int width = a.Number(0, 8), column = 0;
        TextBuilder to = new(run.Budget);
        for (int i = 0; i < self.Text.Length; i++)
        {
            char c = self.Text[i];
            if (c == '\t')
            {
                int blanks = width > 0 ? width - (column % width) : 0;
                to.Append(' ', blanks);
                column += blanks;
                continue;
            }
            to.Append(c);
            column = c is '\n' or '\r' ? 0 : column + (char.IsLowSurrogate(c) ? 0 : 1);
        }
        return self.Like(to.ToString());
    }

    private static void Fill(TextBuilder to, string fill, int count)
    {
        if (fill.Length == 1)
        {
            to.Append(fill[0], count);
            return;
        }
        to.Budget.Make((long)count * fill.Length);
        for (int i = 0; i < count; i++)
        {
            to.Append(fill);
        }
    }
}
