using System.Text;

namespace Lorikeet.Models.Text.Decoders;

/// <summary>Takes a character away at each token's start and end, up to some times.</summary>
internal sealed class StripDecoder(string content, int start, int stop) : Decoder
{
    public override DecoderStage Start(DecoderStage next) => new Stage(content, start, stop, next);

    private sealed class Stage(string content, int start, int stop, DecoderStage next) : DecoderStage
    {
        private int stripped;
        private bool inside;
        private int held;

        public override void Push(string text, bool ends)
        {
            int at = 0;
            while (!inside && at < text.Length)
            {
                inside = stripped == start || !text.AsSpan(at).StartsWith(content);
                if (!inside)
                {
                    stripped++;
                    at += content.Length;
                }
            }
            if (at < text.Length)
            {
                int run = TrailingRun(text.AsSpan(at));
                string before = text[at..(text.Length - run * content.Length)];
                if (before.Length > 0)
                {
                    Release(held);
                    next.Push(before, ends: false);
                }
                held += run;
                // Of a run at the end only so many are in doubt.
                Release(held - stop);
            }
            if (ends)
            {
                held = Math.Max(0, held - stop);
                Release(held);
                next.Push("", ends: true);
                (stripped, inside, held) = (0, false, 0);
            }
        }

        public override void Close() => next.Close();

        private int TrailingRun(ReadOnlySpan<char> text)
        {
            int run = 0;
            while (text.EndsWith(content))
            {
                text = text[..^content.Length];
                run++;
            }
            return run;
        }

        private void Release(int count)
        {
            if (count > 0)
            {
                next.Push(new StringBuilder().Insert(0, content, count).ToString(), ends: false);
                held -= count;
            }
        }
    }
}
