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
/// <param name="Labels">The classes, where texts are classified; else empty.</param>
internal sealed record RunData(string Name, PackedBatches Train, IReadOnlyList<Batch> HeldOut, TokenDocuments Documents, IReadOnlyList<string> Labels)
{
    /// <summary>Reads one data file of a run.</summary>
    public static RunData Read(RunSettings settings, int number, Tokenizer tokenizer, IList<string> notes)
    {
        string path = settings.Data[number];
        IReadOnlyList<string> labels = settings.Fields.Task == DataTask.Classify ? DataFile.Labels(path, settings.Fields) : [];
        TokenDocuments documents = Load(path);
        if (documents.PieceCount == 0)
        {
            documents.Dispose();
            throw new BadFileException($"{path} has no token to learn; expected documents of at least two tokens{(settings.Fields.Task == DataTask.Prefer ? ", whose answers begin within the context" : "")}.");
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
            using TokenDocuments eval = Load(evalPath);
            held = DocumentTokens.InOrder(eval.All(), budget);
        }
        else if (settings.EvalShare > 0 && documents.ItemCount > 1)
        {
            (train, PieceSet last) = documents.Split(settings.EvalShare);
            held = DocumentTokens.InOrder(last, budget);
        }
        CounterRandom order = new CounterRandom((ulong)settings.Seed).Named("order");
        return new RunData(Path.GetFileNameWithoutExtension(path), new PackedBatches(train, budget, order), held, documents, labels);

        TokenDocuments Load(string from) =>
            TokenCache.Load(from, settings.Fields, tokenizer, settings.Context, RunModel.Template(tokenizer), labels, settings.TokenCache);
    }

    /// <summary>SHA-256 of a file, or of a folder's files and their names, in hexadecimal.</summary>
    public static string Hash(string path)
    {
        try
        {
            if (!Directory.Exists(path))
            {
                using FileStream file = File.OpenRead(path);
                return Convert.ToHexStringLower(SHA256.HashData(file));
            }
            using IncrementalHash all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (string inner in DataFile.Files(path))
            {
                all.AppendData(System.Text.Encoding.UTF8.GetBytes($"{Path.GetRelativePath(path, inner)}\n{Hash(inner)}\n"));
            }
            return Convert.ToHexStringLower(all.GetHashAndReset());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadFileException($"{path} cannot be read: {e.Message}", e);
        }
    }
}
