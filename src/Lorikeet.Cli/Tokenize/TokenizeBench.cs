using System.Text;
using Lorikeet.Cli.Bench;
using Lorikeet.Kernels;
using Lorikeet.Models.Text;

namespace Lorikeet.Cli.Tokenize;

/// <summary><c>lorikeet tokenize --bench</c>: how fast a text is encoded and decoded.</summary>
internal static class TokenizeBench
{
    private const int PieceLength = 1 << 14;
    private const int Runs = 5;

    /// <summary>Cuts the text into pieces at line breaks, as documents of a corpus, and prints rates on one core and on all.</summary>
    public static int Run(Tokenizer tokenizer, string text, CancellationToken stop)
    {
        string[] pieces = Pieces(text);
        double megabytes = Encoding.UTF8.GetByteCount(text) / 1e6;
        int[][] ids = new int[pieces.Length][];
        int all = Team.Shared.Threads;
        Console.WriteLine($"{megabytes:F2} MB in {pieces.Length} pieces");
        Console.WriteLine($"{"threads",8}{"encode MB/s",13}{"tokens/s",12}{"decode MB/s",13}");
        foreach (int threads in new[] { 1, all }.Distinct())
        {
            ParallelOptions options = new() { MaxDegreeOfParallelism = threads, CancellationToken = stop };
            double encode = Median.Seconds(() => Each(i => ids[i] = tokenizer.Encode(pieces[i], addSpecialTokens: false)), Runs, stop);
            double decode = Median.Seconds(() => Each(i => tokenizer.Decode(ids[i], skipSpecialTokens: false)), Runs, stop);
            long tokens = ids.Sum(i => (long)i.Length);
            Console.WriteLine($"{threads,8}{megabytes / encode,13:F1}{tokens / encode / 1e6,10:F2} M{megabytes / decode,13:F1}");
            if (threads == all)
            {
                Console.WriteLine($"{tokens:N0} tokens, {megabytes * 1e6 / Math.Max(1, tokens):F2} bytes each");
            }

            void Each(Action<int> work)
            {
                if (threads > 1)
                {
                    Parallel.For(0, pieces.Length, options, work);
                    return;
                }
                for (int i = 0; i < pieces.Length; i++)
                {
                    work(i);
                }
            }
        }
        return 0;
    }

    private static string[] Pieces(string text)
    {
        List<string> pieces = [];
        for (int at = 0; at < text.Length;)
        {
            int end = Math.Min(text.Length, at + PieceLength);
            int line = end < text.Length ? text.IndexOf('\n', end) : -1;
            end = line < 0 ? text.Length : line + 1;
            pieces.Add(text[at..end]);
            at = end;
        }
        return [.. pieces];
    }
}
