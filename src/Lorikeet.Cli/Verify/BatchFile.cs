using Lorikeet.Models.Files;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify;

/// <summary>Reads batches of the area <c>training</c>: input_ids, labels (one a token, or one a row) and attention_mask, [..., row, token], padded on the right.</summary>
internal static class BatchFile
{
    /// <summary>One batch for each leading index (optimiser step and micro-batch), in order.</summary>
    public static List<Batch> Read(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        IReadOnlyList<long> shape = TrainingReference.Tensor(file, "input_ids").Shape;
        // One label a token, or one a row: its class.
        IReadOnlyList<long> labelled = TrainingReference.Tensor(file, "labels").Shape;
        bool classes = labelled.SequenceEqual(shape.SkipLast(1));
        if (!classes && !labelled.SequenceEqual(shape))
        {
            throw new BadFileException($"{path}: labels are [{string.Join(", ", labelled)}] for input_ids [{string.Join(", ", shape)}]; expected as many, or one a row.");
        }
        int[] ids = TrainingReference.Integers(file, "input_ids"), labels = TrainingReference.Integers(file, "labels");
        byte[] mask = TrainingReference.Bytes(file, "attention_mask");
        int rows = (int)shape[^2], width = (int)shape[^1];
        List<Batch> batches = [];
        for (int start = 0; start < ids.Length; start += rows * width)
        {
            List<int> tokens = [], targets = [], lengths = [];
            for (int row = start; row < start + (rows * width); row += width)
            {
                int length = mask.AsSpan(row, width).IndexOf((byte)0);
                length = length < 0 ? width : length;
                if (mask.AsSpan(row + length, width - length).IndexOfAnyExcept((byte)0) >= 0)
                {
                    throw new NotSupportedException("padding that is not on the right is not built yet");
                }
                lengths.Add(length);
                for (int i = 0; i < length; i++)
                {
                    tokens.Add(ids[row + i]);
                    targets.Add(classes ? (i + 1 == length ? labels[row / width] : -1) : i + 1 < length ? labels[row + i + 1] : -1);
                }
            }
            batches.Add(new Batch([.. tokens], [.. targets], [.. lengths], kind: classes ? BatchKind.Classes : BatchKind.Tokens));
        }
        return batches;
    }
}
