using System.Security.Cryptography;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>The data of one trainee: what is trained on, and what is held out.</summary>
/// <param name="Name">The file's name without folder and ending.</param>
/// <param name="Train">Batches without end.</param>
/// <param name="HeldOut">Batches to measure on; empty: none.</param>
/// <param name="Documents">All documents of the file.</param>
internal sealed record RunData(string Name, PackedBatches Train, IReadOnlyList<Batch> HeldOut, TokenDocuments Documents)
{
    /// <summary>Reads one data file of a run.</summary>
    public static RunData Read(RunSettings settings, int number, Tokenizer tokenizer, IList<string> notes)
    {
        string path = settings.Data[number];
        TokenDocuments documents = DocumentTokens.Encode(DataFile.Read(path, new DataOptions { Separator = settings.Separator }), tokenizer, settings.Context);
        if (documents.PieceCount == 0)
        {
            throw new BadFileException($"{path} has no token to learn; expected documents of at least two tokens.");
        }
        if (documents.CutCount > 0)
        {
            notes.Add($"{path}: {documents.CutCount} of {documents.DocumentCount} documents are longer than the context of {settings.Context} tokens; their ends were dropped (--context)");
        }
        int budget = settings.Batch * settings.Context;
        PieceSet train = documents.All();
        IReadOnlyList<Batch> held = [];
        if (settings.EvalData is { } evalPath)
        {
            TokenDocuments eval = DocumentTokens.Encode(DataFile.Read(evalPath, new DataOptions { Separator = settings.Separator }), tokenizer, settings.Context);
            held = DocumentTokens.InOrder(eval.All(), budget);
        }
        else if (settings.EvalShare > 0 && documents.PieceCount > 1)
        {
            (train, PieceSet last) = documents.Split(settings.EvalShare);
            held = DocumentTokens.InOrder(last, budget);
        }
        CounterRandom order = new CounterRandom((ulong)settings.Seed).Named("order");
        return new RunData(Path.GetFileNameWithoutExtension(path), new PackedBatches(train, budget, order), held, documents);
    }

    /// <summary>SHA-256 of a file, in hexadecimal.</summary>
    public static string Hash(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadFileException($"{path} cannot be read: {e.Message}", e);
        }
    }
}
